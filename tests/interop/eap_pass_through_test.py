"""Clients, our pass-through and FreeRADIUS: both ends come to the same MSK.

Run by meson with the path of the program between them: eap_pass_through_test.py EAP_PROBE
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

from eap_peers import MsChapV2Peer, Peer, TlsPeer
from freeradius import Children, FreeRadius, User, free_udp_port
from freeradius_test import PASSWORD, REPLY, make_certificates

PROBE = sys.argv[1]


class PassThrough(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="resurge-eap-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.children = self.enterContext(Children(self.folder))
        self.files = make_certificates(self.folder)

    def start(self, **settings) -> FreeRadius:
        users = [User("alice", PASSWORD, REPLY), User("client", "unused")]
        server = FreeRadius(
            self.folder / "radius", self.children, users=users, tls=self.files["server"],
            fragment_len=400, **settings,
        )
        server.start()
        return server

    def converse(self, peer: Peer, setup: str) -> list[str]:
        """The last line of the probe: success or failure and what belongs to it."""
        probe = subprocess.Popen(
            [PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, bufsize=1,
        )
        with probe:
            print(setup, file=probe.stdin)
            self.rounds = 0
            for line in probe.stdout:
                word, *rest = line.split()
                if word != "request":
                    self.said = probe.stderr.read()
                    return [word, *rest]
                self.rounds += 1
                print(peer.respond(bytes.fromhex(rest[0])).hex(), file=probe.stdin)
            self.fail(f"the probe ended\n{probe.stderr.read()}")

    def server_words(self, server: FreeRadius, secret: str | None = None) -> str:
        return f"{server.address} {server.port} {secret or server.secret}"

    def expect_success(self, peer: Peer, found: list[str], server: FreeRadius) -> None:
        self.assertEqual(found[0], "success", (found, self.said, server.log()))
        self.assertEqual(found[1], peer.msk.hex())
        self.assertEqual(found[2], peer.identity)

    def test_a_password_makes_the_same_key_at_both_ends(self):
        server = self.start()
        peer = MsChapV2Peer("alice", PASSWORD)
        found = self.converse(peer, self.server_words(server))
        self.expect_success(peer, found, server)
        self.assertEqual(found[3:], [REPLY["Framed-IP-Address"], REPLY["Session-Timeout"]])
        self.assertEqual(self.rounds, 3)
        # What the server was told of us is in its log.
        self.assertIn("192.0.2.7[4500]", server.log())

    def test_an_identity_that_is_known_saves_a_round(self):
        server = self.start()
        peer = MsChapV2Peer("alice", PASSWORD)
        found = self.converse(peer, self.server_words(server) + " identity alice")
        self.expect_success(peer, found, server)
        self.assertEqual(self.rounds, 2)

    def test_certificates_make_the_same_key_at_both_ends_in_many_fragments(self):
        server = self.start(default_eap="tls")
        peer = TlsPeer("client", self.files["client"], self.folder)
        self.expect_success(peer, self.converse(peer, self.server_words(server)), server)
        self.assertGreater(self.rounds, 8)

    def test_the_method_is_between_client_and_server(self):
        server = self.start()  # offers MSCHAPv2 first, which this client refuses
        peer = TlsPeer("client", self.files["client"], self.folder, fragment_len=1000)
        self.expect_success(peer, self.converse(peer, self.server_words(server)), server)

    def test_a_wrong_password_fails_and_so_does_a_stranger(self):
        server = self.start()
        for peer in (MsChapV2Peer("alice", "wrong"), MsChapV2Peer("mallory", PASSWORD)):
            found = self.converse(peer, self.server_words(server))
            self.assertEqual(" ".join(found), "failure the RADIUS server rejected the client")

    def test_a_server_that_does_not_answer_is_passed_over(self):
        server = self.start()
        nobody = f"127.0.0.1 {free_udp_port('127.0.0.1')} {server.secret}"
        peer = MsChapV2Peer("alice", PASSWORD)
        found = self.converse(peer, f"{nobody} {self.server_words(server)}")
        self.expect_success(peer, found, server)
        self.assertIn("does not answer", self.said)

    def test_another_secret_is_no_answer(self):
        server = self.start()
        found = self.converse(MsChapV2Peer("alice", PASSWORD), self.server_words(server, "other"))
        self.assertEqual(" ".join(found), "failure no RADIUS server answered")

    def test_over_ipv6(self):
        server = self.start(address="::1")
        peer = MsChapV2Peer("alice", PASSWORD)
        self.expect_success(peer, self.converse(peer, self.server_words(server)), server)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
