"""The client's side of EAP: MSCHAPv2 with a password, TLS 1.2 with a certificate; both make an MSK.

respond(request) takes an EAP Request and returns the Response; afterwards `msk` is what the client
would make AUTH with. The ciphers of MSCHAPv2 come from the legacy provider of openssl(1).
"""

import hashlib
import hmac
import os
import pathlib
import ssl
import struct
import subprocess

_RESPONSE = 2
_IDENTITY, _NAK, _TLS, _MSCHAPV2 = 1, 3, 13, 26


class Peer:
    """Says who it is, and asks for its own method when another one is offered."""

    method = 0

    def __init__(self, identity: str):
        self.identity = identity
        self.msk = b""

    def respond(self, request: bytes) -> bytes:
        code, identifier, length, kind = struct.unpack("!BBHB", request[:5])
        if code != 1 or length != len(request):
            raise ValueError(f"no EAP Request: {request.hex()}")
        if kind == _IDENTITY:
            return _packet(identifier, bytes([_IDENTITY]) + self.identity.encode())
        if kind != self.method:
            return _packet(identifier, bytes([_NAK, self.method]))
        return _packet(identifier, bytes([kind]) + self.step(request[5:]))

    def step(self, body: bytes) -> bytes:
        raise NotImplementedError


def _packet(identifier: int, body: bytes) -> bytes:
    return struct.pack("!BBH", _RESPONSE, identifier, 4 + len(body)) + body


def _legacy(text: bytes, *words: str) -> bytes:
    command = ["openssl", *words, "-provider", "legacy", "-provider", "default"]
    return subprocess.run(command, input=text, check=True, capture_output=True).stdout


def _sha1(*parts: bytes) -> bytes:
    return hashlib.sha1(b"".join(parts)).digest()


class MsChapV2Peer(Peer):
    """draft-kamath-pppext-eap-mschapv2; the arithmetic is RFC 2759 §8 and RFC 3079 §3."""

    method = _MSCHAPV2

    def __init__(self, identity: str, password: str):
        super().__init__(identity)
        self._hash = self._md4(password.encode("utf-16-le"))
        self._expected = b""

    def step(self, body: bytes) -> bytes:
        operation = body[0]
        if operation == 1:
            return self._answer_challenge(body)
        if operation == 3 and not body[4:].startswith(self._expected):
            raise ValueError("the server does not know the password")
        return bytes([operation])

    def _answer_challenge(self, body: bytes) -> bytes:
        theirs, mine = body[5:21], os.urandom(16)
        challenge = _sha1(mine, theirs, self.identity.encode())[:8]
        keys = (self._hash + bytes(5))[:21]
        answer = b"".join(self._des(keys[i : i + 7], challenge) for i in (0, 7, 14))
        self._derive(challenge, answer)
        value = mine + bytes(8) + answer + bytes(1)
        name = self.identity.encode()
        head = struct.pack("!BBHB", 2, body[1], 5 + len(value) + len(name), len(value))
        return head + value + name

    def _derive(self, challenge: bytes, answer: bytes) -> None:
        twice = self._md4(self._hash)
        inner = _sha1(twice, answer, b"Magic server to client signing constant")
        proof = _sha1(inner, challenge, b"Pad to make it do more than one iteration")
        self._expected = b"S=" + proof.hex().upper().encode()
        master = _sha1(twice, answer, b"This is the MPPE Master Key")[:16]
        sides = ("send", "receive"), ("receive", "send")
        halves = [
            _sha1(master, bytes(40), f"On the client side, this is the {mine} key; "
                  f"on the server side, it is the {theirs} key.".encode(), b"\xf2" * 40)[:16]
            for mine, theirs in sides
        ]
        self.msk = b"".join(halves) + bytes(32)

    @staticmethod
    def _md4(text: bytes) -> bytes:
        return _legacy(text, "dgst", "-md4", "-binary")

    @staticmethod
    def _des(key: bytes, block: bytes) -> bytes:
        bits = int.from_bytes(key, "big")
        spread = bytes((bits >> (49 - 7 * i) & 0x7F) << 1 for i in range(8))  # no parity is checked
        return _legacy(block, "enc", "-des-ecb", "-nopad", "-K", spread.hex())


class TlsPeer(Peer):
    """RFC 5216 with TLS 1.2, in fragments of `fragment_len` octets."""

    method = _TLS
    _LENGTH, _MORE = 0x80, 0x40

    def __init__(self, identity: str, files, folder: pathlib.Path, fragment_len: int = 300):
        super().__init__(identity)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(files.ca)
        context.load_cert_chain(files.certificate, files.key)
        self._key_log = folder / f"{identity}.keys"
        context.keylog_filename = str(self._key_log)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out)
        self._fragment_len = fragment_len
        self._received = self._sending = b""
        self._server_random = b""

    def step(self, body: bytes) -> bytes:
        flags, text = body[0], body[1:]
        if flags & self._LENGTH:
            text = text[4:]
        self._received += text
        if flags & self._MORE:
            return bytes(1)
        if not self._sending:
            self._handshake()
        return self._next_fragment()

    def _handshake(self) -> None:
        if self._received and not self._server_random:
            self._server_random = self._received[11:43]  # record 5, handshake 4, version 2
        self._in.write(self._received)
        self._received = b""
        try:
            self._tls.do_handshake()
            self._derive()
        except ssl.SSLWantReadError:
            pass
        self._sending = self._out.read()

    def _next_fragment(self) -> bytes:
        part, rest = self._sending[: self._fragment_len], self._sending[self._fragment_len :]
        self._sending = rest
        return bytes([self._MORE if rest else 0]) + part

    def _derive(self) -> None:
        _, client_random, master = self._key_log.read_text().split()[-3:]
        seed = b"client EAP encryption" + bytes.fromhex(client_random) + self._server_random
        hash_name = "sha384" if self._tls.cipher()[0].endswith("SHA384") else "sha256"
        key, a, stream = bytes.fromhex(master), seed, b""
        while len(stream) < 64:
            a = hmac.digest(key, a, hash_name)
            stream += hmac.digest(key, a + seed, hash_name)
        self.msk = stream[:64]
