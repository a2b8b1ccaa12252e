"""A certificate authority that lives as long as the test run, made with the openssl program.

Every certificate has its name as DNS in subjectAltName. Files in the folder: ca.pem, ca.crl (lists
what was revoked), and for each name NAME.pem, NAME.key and NAME.p12 (no password, for NSS).
"""

import functools
import pathlib
import subprocess

GATEWAY_RSA = "gw-rsa.example.org"
GATEWAY_ECDSA = "gw-ecdsa.example.org"
GATEWAY_ED25519 = "gw-ed25519.example.org"
RSA = "rsa.example.org"
ECDSA = "ecdsa.example.org"
ED25519 = "ed25519.example.org"
REVOKED = "revoked.example.org"
GATEWAY_LARGE = "gw-large.example.org"
LARGE = "large.example.org"
RADIUS = "radius.example.org"
ORGANISATION = "Resurge interop"
CA_NAME = f"O={ORGANISATION},CN=interop CA"
P12_PASSWORD = ""

_KEYS = {
    "rsa": ("rsa", "rsa_keygen_bits:2048"),
    "ecdsa": ("ec", "ec_paramgen_curve:P-256"),
    "ed25519": ("ed25519", ""),
}
_NAMES = {
    GATEWAY_RSA: "rsa",
    GATEWAY_ECDSA: "ecdsa",
    GATEWAY_ED25519: "ed25519",
    RSA: "rsa",
    ECDSA: "ecdsa",
    ED25519: "ed25519",
    REVOKED: "ecdsa",
    GATEWAY_LARGE: "rsa",
    LARGE: "rsa",
    RADIUS: "rsa",
}
_MORE_NAMES = 60  # in a large certificate, which fills more than one packet

_CA_CONFIG = """\
[ca]
default_ca = this
[this]
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = copy
x509_extensions = leaf
crl_extensions = list
[any]
organizationName = optional
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[list]
authorityKeyIdentifier = keyid
[req]
distinguished_name = empty
[empty]
"""


class Authority:
    """Makes the CA and the CRL at once, a certificate when it is first asked for."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        folder.mkdir(parents=True)
        for name, text in (("index.txt", ""), ("serial", "01\n"), ("crlnumber", "01\n")):
            (folder / name).write_text(text)
        self._config = folder / "openssl.cnf"
        self._config.write_text(_CA_CONFIG.format(folder=folder))
        self._key("ca", "ecdsa")
        self._openssl(
            "req", "-new", "-x509", "-config", self._config, "-key", folder / "ca.key",
            "-out", self.ca, "-days", "30", "-sha256",
            "-subj", f"/O={ORGANISATION}/CN=interop CA",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-addext", "subjectKeyIdentifier=hash",
        )
        self.certificate(REVOKED)
        self._openssl("ca", "-config", self._config, "-revoke", folder / f"{REVOKED}.pem")
        self._openssl("ca", "-config", self._config, "-gencrl", "-out", self.crl)

    @property
    def ca(self) -> pathlib.Path:
        return self.folder / "ca.pem"

    @property
    def crl(self) -> pathlib.Path:
        return self.folder / "ca.crl"

    def key(self, name: str) -> pathlib.Path:
        return self.certificate(name).with_suffix(".key")

    def p12(self, name: str) -> pathlib.Path:
        return self.certificate(name).with_suffix(".p12")

    @functools.cache  # noqa: B019  # one authority lives as long as the program
    def certificate(self, name: str) -> pathlib.Path:
        folder = self.folder
        files = {end: folder / f"{name}.{end}" for end in ("key", "csr", "pem", "p12")}
        self._key(name, _NAMES[name])
        more = _MORE_NAMES if name in (LARGE, GATEWAY_LARGE) else 0
        names = [name, *(f"host-{i}.with-a-long-name.example.org" for i in range(more))]
        self._openssl(
            "req", "-new", "-config", self._config, "-key", files["key"], "-out", files["csr"],
            "-subj", f"/O={ORGANISATION}/CN={name}",
            "-addext", f"subjectAltName={','.join(f'DNS:{n}' for n in names)}",
        )
        self._openssl(
            "ca", "-batch", "-notext", "-config", self._config, "-in", files["csr"],
            "-out", files["pem"],
        )
        self._openssl(
            "pkcs12", "-export", "-inkey", files["key"], "-in", files["pem"],
            "-certfile", self.ca, "-name", name, "-passout", f"pass:{P12_PASSWORD}",
            "-out", files["p12"],
        )
        return files["pem"]

    def _key(self, name: str, kind: str) -> None:
        algorithm, option = _KEYS[kind]
        self._openssl(
            "genpkey", "-algorithm", algorithm, *(("-pkeyopt", option) if option else ()),
            "-out", self.folder / f"{name}.key",
        )

    def _openssl(self, *words) -> None:
        command = ["openssl", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
