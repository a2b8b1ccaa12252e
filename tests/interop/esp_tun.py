#!/usr/bin/env python3
"""Userspace ESP for a pluto that runs under xfrm_shim.c: AES-GCM-16 in tunnel mode.

    esp_tun.py LOCAL_ADDRESS SHIM_LOG DEVICE     in pluto's network namespace

Follows the log of the shim: what is routed into the TUN device leaves under the newest outbound SA,
and ESP for LOCAL_ADDRESS comes out of the device; IPv4 and IPv6, inside and outside. ESP is plain
(IP protocol 50), or over IPv4 in UDP when the SA says so: pluto owns the UDP port, so those packets
are written and read by a raw socket. A test's tool: no lifetimes; a number is refused when it came
before. Origin: the peers' notes of this project.
"""

import ctypes
import fcntl
import ipaddress
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x1001
_PROTOCOL_ESP, _PROTOCOL_UDP = 50, 17
_NAT_T_PORT = struct.pack(">H", 4500)
_NEXT_HEADERS = {4: 4, 6: 41}  # by the version of the packet inside
_TAG_OCTETS = 16
_SALT_OCTETS = 4
_XFRMA_ENCAP = 4
_XFRMA_ALG_AEAD = 18
_XFRMA_REPLAY_ESN_VAL = 23
_USERSA_OCTETS = 224  # of struct xfrm_usersa_info, before its attributes
_GET_TAG, _SET_TAG = 0x10, 0x11  # EVP_CTRL_AEAD_*

_CRYPTO = ctypes.CDLL("libcrypto.so.3")
_CRYPTO.EVP_aes_256_gcm.restype = ctypes.c_void_p
_CRYPTO.EVP_aes_128_gcm.restype = ctypes.c_void_p
_CRYPTO.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p


class Gcm:
    def __init__(self, key: bytes):
        self._key = key
        sized = _CRYPTO.EVP_aes_256_gcm if len(key) == 32 else _CRYPTO.EVP_aes_128_gcm
        self._cipher = ctypes.c_void_p(sized())
        self._context = ctypes.c_void_p(_CRYPTO.EVP_CIPHER_CTX_new())

    def seal(self, nonce: bytes, text: bytes, associated: bytes) -> bytes:
        sealed = self._run(1, nonce, text, associated)
        tag = ctypes.create_string_buffer(_TAG_OCTETS)
        last = ctypes.c_int(0)
        _CRYPTO.EVP_CipherFinal_ex(self._context, tag, ctypes.byref(last))
        _CRYPTO.EVP_CIPHER_CTX_ctrl(self._context, _GET_TAG, _TAG_OCTETS, tag)
        return sealed + tag.raw

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """None when the tag is wrong."""
        text = self._run(0, nonce, sealed[:-_TAG_OCTETS], associated)
        _CRYPTO.EVP_CIPHER_CTX_ctrl(self._context, _SET_TAG, _TAG_OCTETS, sealed[-_TAG_OCTETS:])
        rest, last = ctypes.create_string_buffer(_TAG_OCTETS), ctypes.c_int(0)
        right = _CRYPTO.EVP_CipherFinal_ex(self._context, rest, ctypes.byref(last)) == 1
        return text if right else None

    def _run(self, sealing: int, nonce: bytes, text: bytes, associated: bytes) -> bytes:
        out, size = ctypes.create_string_buffer(len(text) + 16), ctypes.c_int(0)
        _CRYPTO.EVP_CipherInit_ex(
            self._context, self._cipher, None, self._key, nonce, ctypes.c_int(sealing)
        )
        for target, source in ((None, associated), (out, text)):
            _CRYPTO.EVP_CipherUpdate(
                self._context, target, ctypes.byref(size), source, ctypes.c_int(len(source))
            )
        return out.raw[:len(text)]


class Sa:
    """What the shim wrote of a NEWSA or UPDSA message."""

    def __init__(self, message: bytes):
        (family,) = struct.unpack_from("=H", message, 212)
        size = 16 if family == socket.AF_INET6 else 4
        self.destination = str(ipaddress.ip_address(message[56:56 + size]))
        self.spi = message[72:76]
        self.protocol = message[76]
        self.ports: bytes | None = None  # of UDP round ESP: source, destination
        self.sequence = 0
        self.seen: set[int] = set()
        self.with_esn = False
        self.gcm: Gcm | None = None
        at = _USERSA_OCTETS
        while at + 4 <= len(message):
            size, kind = struct.unpack_from("=HH", message, at)
            if size < 4:
                break
            self._take(kind, message[at + 4:at + size])
            at += (size + 3) & ~3

    def _take(self, kind: int, value: bytes) -> None:
        if kind == _XFRMA_ALG_AEAD:
            (bits,) = struct.unpack_from("=I", value, 64)
            key = value[72:72 + bits // 8]
            self.gcm, self._salt = Gcm(key[:-_SALT_OCTETS]), key[-_SALT_OCTETS:]
        elif kind == _XFRMA_REPLAY_ESN_VAL:
            self.with_esn = True
        elif kind == _XFRMA_ENCAP:
            self.ports = value[2:6]

    def seal(self, packet: bytes) -> bytes:
        self.sequence += 1
        padding = -(len(packet) + 2) % 4
        trailer = bytes([padding, _NEXT_HEADERS[packet[0] >> 4]])
        text = packet + bytes(range(1, padding + 1)) + trailer
        vector = struct.pack(">Q", self.sequence)
        sealed = self.gcm.seal(self._salt + vector, text, self._associated(self.sequence))
        return self.spi + struct.pack(">I", self.sequence & 0xFFFFFFFF) + vector + sealed

    def open(self, esp: bytes) -> bytes | None:
        """The packet inside, None when it is not genuine or came before."""
        (sequence,) = struct.unpack_from(">I", esp, 4)
        text = self.gcm.open(self._salt + esp[8:16], esp[16:], self._associated(sequence))
        if text is None or sequence in self.seen or text[-1] not in _NEXT_HEADERS.values():
            return None
        self.seen.add(sequence)
        return text[:-2 - text[-2]]

    def _associated(self, sequence: int) -> bytes:
        return self.spi + struct.pack(">Q" if self.with_esn else ">I", sequence)


class Sas:
    """Follows the log of the shim."""

    def __init__(self, local: str, log: pathlib.Path):
        log.touch()
        self._local, self._log, self._begun = local, log.open(), ""
        self.inbound: dict[bytes, Sa] = {}
        self.outbound: dict[bytes, Sa] = {}  # oldest first

    def catch_up(self) -> None:
        lines = (self._begun + self._log.read()).split("\n")
        self._begun = lines.pop()
        for line in lines:
            word, octets = line.split(" ")
            self._apply(word, bytes.fromhex(octets))

    def _apply(self, word: str, message: bytes) -> None:
        if word == "DELSA":
            self.inbound.pop(message[16:20], None)
            self.outbound.pop(message[16:20], None)
            return
        sa = Sa(message)
        if sa.protocol != _PROTOCOL_ESP or sa.gcm is None:
            return
        way = self.inbound if sa.destination == self._local else self.outbound
        way.pop(sa.spi, None)
        way[sa.spi] = sa


class Outside:
    """What carries ESP packets between the gateway and us."""

    def __init__(self, local: str):
        self._is_ip6 = ":" in local
        family = socket.AF_INET6 if self._is_ip6 else socket.AF_INET
        self.plain = socket.socket(family, socket.SOCK_RAW, _PROTOCOL_ESP)
        self.udp = socket.socket(family, socket.SOCK_RAW, _PROTOCOL_UDP)
        for one in (self.plain, self.udp):
            one.bind((local, 0))

    def send(self, sa: Sa, esp: bytes) -> None:
        if not sa.ports:
            self.plain.sendto(esp, (sa.destination, 0))
            return
        assert not self._is_ip6, "a checksum would be missing"
        header = sa.ports + struct.pack(">HH", 8 + len(esp), 0)
        self.udp.sendto(header + esp, (sa.destination, 0))

    def receive(self, one: socket.socket) -> bytes:
        """An ESP packet; empty when it was something else in UDP, such as IKE."""
        packet = one.recv(65535)
        payload = packet if self._is_ip6 else packet[(packet[0] & 15) * 4:]
        if one is self.plain:
            return payload
        to_port, marker = payload[2:4], payload[8:12]
        return payload[8:] if to_port == _NAT_T_PORT and any(marker) else b""


def open_tun(name: str) -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    # Only what a test sends goes in: without an address of its own IPv6 has nothing to say there.
    for words in (("addrgenmode", "none"), ("up", "mtu", "1400")):
        subprocess.run(["ip", "link", "set", name, *words], check=True)
    return tun


def main() -> None:
    local, log, name = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    tun, outside, sas = open_tun(name), Outside(local), Sas(local, log)
    print("READY", flush=True)
    while True:
        readable, _, _ = select.select([tun, outside.plain, outside.udp], [], [])
        sas.catch_up()
        for one in readable:
            if one is not tun:
                esp = outside.receive(one)
                sa = sas.inbound.get(esp[:4])
                inner = sa.open(esp) if sa and len(esp) >= 16 + _TAG_OCTETS + 2 else None
                if inner:
                    os.write(tun, inner)
            elif sas.outbound:
                packet = os.read(tun, 65535)
                sa = next(reversed(sas.outbound.values()))
                outside.send(sa, sa.seal(packet))
            else:
                os.read(tun, 65535)


if __name__ == "__main__":
    main()
