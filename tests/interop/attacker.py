"""Somebody on the client's wire: hears its ESP packets, sends them again as they were or changed.

IPv4 outside alone, ESP plain or in UDP.
"""

import socket
import struct
import time
from typing import NamedTuple

import net
from cases import check

_ETHER, _IP4, _UDP, _ESP_HEADER = 14, 20, 8, 8  # octets of headers
_PROTOCOL_ESP, _PROTOCOL_UDP = 50, 17
_NAT_T_PORT = 4500
_PACKET_OUTGOING = 4
_LISTEN_SECONDS = 10


class EspFrame(NamedTuple):
    """An Ethernet frame, and where ESP begins in it."""

    octets: bytes
    at: int

    def forged(self) -> "EspFrame":
        """Newer than any genuine one, so that only its ICV gives it away."""
        (sequence,) = struct.unpack_from(">I", self.octets, self.at + 4)
        return self._with_esp(struct.pack(">I", sequence + 500), at=4)

    def of_unknown_spi(self) -> "EspFrame":
        return self._with_esp(bytes([self.octets[self.at] ^ 0x40]), at=0)

    def cut(self, octets: int) -> "EspFrame":
        """That much is left of ESP."""
        return EspFrame(self.octets[:self.at + octets], self.at)._with_lengths()

    def sent_from(self, address: str) -> "EspFrame":
        source = _ETHER + 12
        octets = self.octets[:source] + socket.inet_aton(address) + self.octets[source + 4:]
        return EspFrame(octets, self.at)._with_lengths()

    def _with_esp(self, octets: bytes, at: int) -> "EspFrame":
        begin = self.at + at
        changed = self.octets[:begin] + octets + self.octets[begin + len(octets):]
        return EspFrame(changed, self.at)._with_lengths()

    def _with_lengths(self) -> "EspFrame":
        frame = bytearray(self.octets)
        struct.pack_into(">H", frame, _ETHER + 2, len(frame) - _ETHER)
        struct.pack_into(">H", frame, _ETHER + 10, 0)
        struct.pack_into(">H", frame, _ETHER + 10, _checksum(frame[_ETHER:_ETHER + _IP4]))
        if self.at > _ETHER + _IP4:
            struct.pack_into(">HH", frame, self.at - 4, len(frame) - _ETHER - _IP4, 0)
        return EspFrame(bytes(frame), self.at)


class Attacker:
    """with Attacker(...) as attacker: hears from now on."""

    def __init__(self, client: net.Namespace, device: str = "cl0"):
        self._wire = client.frames(device)

    def __enter__(self) -> "Attacker":
        return self

    def __exit__(self, *_why) -> None:
        self._wire.close()

    def overhear(self, count: int) -> list[EspFrame]:
        """The next that the client sends."""
        heard: list[EspFrame] = []
        deadline = time.monotonic() + _LISTEN_SECONDS
        while len(heard) < count:
            self._wire.settimeout(max(deadline - time.monotonic(), 0.01))
            check(time.monotonic() < deadline, f"the client sends {count} packets of ESP")
            octets, (_, _, kind, *_) = self._wire.recvfrom(65535)
            at = _where_esp_begins(octets) if kind == _PACKET_OUTGOING else 0
            if at:
                heard.append(EspFrame(octets, at))
        return heard

    def send(self, frames: list[EspFrame]) -> None:
        for frame in frames:
            self._wire.send(frame.octets)


def _where_esp_begins(frame: bytes) -> int:
    """0 when it is something else."""
    if len(frame) < _ETHER + _IP4 or frame[12:15] != b"\x08\x00\x45":
        return 0
    protocol, at = frame[_ETHER + 9], _ETHER + _IP4
    if protocol == _PROTOCOL_UDP:
        (port,) = struct.unpack_from(">H", frame, at + 2)
        at += _UDP
        is_esp = port == _NAT_T_PORT and any(frame[at:at + 4])
    else:
        is_esp = protocol == _PROTOCOL_ESP
    return at if is_esp and len(frame) >= at + _ESP_HEADER else 0


def _checksum(octets: bytes) -> int:
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF ^ ((total & 0xFFFF) + (total >> 16))
