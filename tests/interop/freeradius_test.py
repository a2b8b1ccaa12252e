"""The configuration of freeradius.py does what it promises, seen with the client of wpa_supplicant.

freeradius_test.py; needs freeradius, eapoltest and openssl.
"""

import pathlib
import re
import subprocess
import tempfile
import unittest

from freeradius import Children, FreeRadius, TlsFiles, User

# Each character that a configuration language might take for its own.
PASSWORD = "p%{q} \"r's\\t$u#"
REPLY = {"Framed-IP-Address": "10.9.0.7", "Session-Timeout": "600", "Class": "gold"}


def make_certificates(folder: pathlib.Path) -> dict[str, TlsFiles]:
    """A CA, and what `server` and `client` show that it has signed."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    _openssl("req", "-x509", *key, "-keyout", ca_key, "-out", ca, "-subj", "/CN=Test CA")
    found = {}
    for name in ("server", "client"):
        certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
        usage = f"extendedKeyUsage={name}Auth"
        _openssl(
            "req", "-x509", *key, "-keyout", private, "-out", certificate, "-subj", f"/CN={name}",
            "-CA", ca, "-CAkey", ca_key, "-addext", usage,
            "-addext", "basicConstraints=critical,CA:false",
        )
        found[name] = TlsFiles(ca, certificate, private)
    return found


def _openssl(*words) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Configuration(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="resurge-radius-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.children = self.enterContext(Children(self.folder))

    def start(self, **settings) -> FreeRadius:
        server = FreeRadius(self.folder / "radius", self.children, **settings)
        server.start()
        return server

    def log_in(self, server: FreeRadius, *lines: str) -> tuple[bool, str]:
        network = "\n".join(["network={", "key_mgmt=WPA-EAP", *lines, "}", ""])
        (self.folder / "peer.conf").write_text(network)
        done = subprocess.run(
            ["eapol_test", "-c", "peer.conf", "-a", server.address, "-p", str(server.port),
             "-s", server.secret, "-t", "10"],
            cwd=self.folder, capture_output=True, text=True, errors="replace", check=False,
        )
        return done.returncode == 0 and "MPPE keys OK: 1  mismatch: 0" in done.stdout, done.stdout

    def password_peer(self, server: FreeRadius, password: str, user: str = "alice"):
        return self.log_in(
            server, "eap=MSCHAPV2", f'identity="{user}"', f"password={password.encode().hex()}"
        )

    def test_a_password_with_odd_characters_is_right(self):
        server = self.start(users=[User("alice", PASSWORD, REPLY), User("bob", "b")])
        right, text = self.password_peer(server, PASSWORD)
        self.assertTrue(right, text + server.log())
        self.assertTrue(self.password_peer(server, "b", "bob")[0])
        # What belongs to the user comes with the Access-Accept and not before.
        for message in text.split("RADIUS message: ")[1:]:
            accepted = "(Access-Accept)" in message
            self.assertEqual("10.9.0.7" in message, accepted, message)

    def test_a_wrong_password_and_an_unknown_user_are_refused(self):
        server = self.start(users=[User("alice", PASSWORD)])
        self.assertFalse(self.password_peer(server, "wrong")[0])
        self.assertFalse(self.password_peer(server, PASSWORD, "mallory")[0])
        self.assertEqual(len(re.findall("Login incorrect", server.log())), 2, server.log())

    def test_a_certificate_is_right_beside_passwords(self):
        files = make_certificates(self.folder)
        server = self.start(
            users=[User("alice", PASSWORD)], tls=files["server"], default_eap="tls",
            fragment_len=300,
        )
        mine = files["client"]
        right, text = self.log_in(
            server, "eap=TLS", 'identity="client"', f'ca_cert="{mine.ca}"',
            f'client_cert="{mine.certificate}"', f'private_key="{mine.key}"',
        )
        self.assertTrue(right, text + server.log())
        self.assertTrue(self.password_peer(server, PASSWORD)[0])

    def test_it_answers_over_ipv6(self):
        server = self.start(users=[User("alice", "a")], address="::1")
        self.assertTrue(self.password_peer(server, "a")[0], server.log())


if __name__ == "__main__":
    unittest.main()
