"""Debian's strongSwan, one charon per network namespace: a client, or a stand-in for the gateway.

5.9.8 of this Debian 12, or 6.0 in the Debian 13 of trixie.py, which speaks RFC 9370.

Several on one machine: each gets a /run of its own (the name of its pid file is compiled in), its
own strongswan.conf, its own folder of credentials and its own vici socket. The kernel may lack ESP,
so kernel-libipsec does it over a TUN device; that one speaks only ESP in UDP (`encap = yes`).
"""

import os
import pathlib
import re
import shutil
import subprocess

import net
import trixie
from cases import check, wait_until
from children import Children
from offer import Offer

CHARON = "/usr/lib/ipsec/charon"
CHILD = "net"  # of every connection
START_SECONDS = 20
INITIATE_SECONDS = 20
PLUGINS = (
    "random nonce aes sha1 sha2 hmac kdf gcm openssl x509 pubkey pkcs1 pkcs8 "
    "pem revocation constraints kernel-libipsec kernel-netlink socket-default vici updown "
    "eap-identity eap-mschapv2 eap-tls"
)
_NEEDED_PLUGINS = ("kernel-libipsec", "eap-mschapv2", "eap-tls", "vici", "openssl", "gcm")

_STRONGSWAN_CONF = """\
charon {{
  load = {plugins}
  install_routes = yes
  retry_initiate_interval = 0
  retransmit_timeout = 1.0
  retransmit_base = 1.5
  retransmit_tries = 4
  delete_rekeyed_delay = 1
  {options}
  filelog {{
    f {{
      path = {folder}/charon.log
      default = 1
      flush_line = yes
      time_format = %H:%M:%S
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{folder}/vici
    }}
    kernel-libipsec {{
      allow_peer_ts = yes
    }}
    {more}
  }}
}}
swanctl {{
  load = random nonce aes sha1 sha2 hmac pem pkcs1 pkcs8 pubkey x509 openssl
}}
"""


def why_not() -> str:
    """What is missing on this machine, or nothing."""
    plugins = pathlib.Path(CHARON).parent / "plugins"
    wanted = [plugins / f"libstrongswan-{name}.so" for name in _NEEDED_PLUGINS]
    missing = [str(path) for path in (pathlib.Path(CHARON), *wanted) if not path.exists()]
    if not shutil.which("swanctl"):
        missing.append("swanctl")
    return f"strongSwan lacks {', '.join(missing)}; run tools/setup" if missing else ""


def settings(tree: dict, depth: int = 0) -> str:
    """A nested dict in the syntax of strongswan.conf and swanctl.conf."""
    lines, indent = [], "  " * depth
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key} {{", settings(value, depth + 1), f"{indent}}}"]
        else:
            lines.append(f"{indent}{key} = {value}")
    return "\n".join(line for line in lines if line)


class Charon:
    def __init__(
        self, name: str, folder: pathlib.Path, namespace: net.Namespace, children: Children,
        options: str = "", plugins: dict | None = None, chroot: pathlib.Path | None = None,
    ):
        """For strongswan.conf: `options`, lines of its section charon, and more `plugins`.

        `chroot`: of trixie.py, for strongSwan 6.
        """
        self.name = name
        self.folder = folder / name
        self.namespace = namespace
        self._children = children
        self._starts = 0
        self._child: subprocess.Popen | None = None
        self._chroot = chroot
        for part in ("x509", "x509ca", "x509crl", "private"):
            (self.folder / "swanctl" / part).mkdir(parents=True)
        (self.folder / "strongswan.conf").write_text(
            _STRONGSWAN_CONF.format(
                plugins=" ".join([PLUGINS, *(plugins or {})]),
                folder="/srv" if chroot else self.folder,
                options=options, more=settings(plugins or {}),
            )
        )

    def start(self) -> None:
        socket = self.folder / "vici"
        socket.unlink(missing_ok=True)
        self._starts += 1
        name = f"{self.name}-{self._starts}"
        self._child = self._children.start(name, self.namespace.command(*self._command()))
        wait_until(
            lambda: socket.exists() or self._child.poll() is not None, f"{name} listens",
            START_SECONDS,
        )
        check(self._child.poll() is None, f"{name} runs\n{self._children.tail(name)}")

    def stop(self) -> None:
        self._children.stop(f"{self.name}-{self._starts}", self._child)

    def kill(self) -> None:
        """As a crash, or a client that was carried out of reach: nothing is said to the peer."""
        self._child.kill()
        self._child.wait()

    def trust(self, ca: pathlib.Path, crl: pathlib.Path | None = None) -> None:
        shutil.copy(ca, self.folder / "swanctl" / "x509ca")
        if crl:
            shutil.copy(crl, self.folder / "swanctl" / "x509crl")

    def own(self, certificate: pathlib.Path, key: pathlib.Path) -> None:
        shutil.copy(certificate, self.folder / "swanctl" / "x509")
        shutil.copy(key, self.folder / "swanctl" / "private")

    def load(self, tree: dict) -> None:
        """Connections, secrets and pools, in place of those before."""
        path = self.folder / "swanctl" / "swanctl.conf"
        path.write_text(settings(tree) + "\n")
        self.swanctl("--load-all", "--noprompt")

    def swanctl(self, *words: str, may_fail: bool = False) -> str:
        """Runs in the host's namespaces: the vici socket is a file."""
        command = ["swanctl", *words, "--uri", f"unix://{self.folder}/vici"]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False,
            env=os.environ | {
                "STRONGSWAN_CONF": str(self._conf), "SWANCTL_DIR": str(self.folder / "swanctl"),
            },
        )
        said = done.stdout + done.stderr
        check(may_fail or done.returncode == 0, f"{' '.join(command)} succeeds\n{said}")
        return said

    def initiate(self, connection: str) -> str:
        return self.swanctl(
            "--initiate", "--child", CHILD, "--ike", connection,
            "--timeout", str(INITIATE_SECONDS),
        )

    def try_to_initiate(self, connection: str) -> str:
        return self.swanctl(
            "--initiate", "--child", CHILD, "--ike", connection,
            "--timeout", str(INITIATE_SECONDS), may_fail=True,
        )

    def fail_to_initiate(self, connection: str) -> str:
        """What was said; that it succeeded is the failure."""
        said = self.try_to_initiate(connection)
        check("initiate failed" in said, f"{connection} is refused\n{said}")
        return said

    def terminate(self, connection: str, may_fail: bool = False) -> str:
        words = ("--terminate", "--ike", connection, "--timeout", "10")
        return self.swanctl(*words, may_fail=may_fail)

    def sas(self) -> list[dict]:
        return parse_sas(self.swanctl("--list-sas", "--raw"))

    def sa(self, connection: str) -> dict:
        """The one established SA of the connection."""
        found = [s for s in self.sas() if s["name"] == connection and s["state"] == "ESTABLISHED"]
        check(len(found) == 1, f"{self.name} has one SA of {connection}, not {self.sas()}")
        return found[0]

    def log(self) -> str:
        path = self.folder / "charon.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for_log(self, pattern: str, seconds: float = 20, times: int = 1) -> re.Match:
        wait_until(
            lambda: len(re.findall(pattern, self.log())) >= times,
            f"the log of {self.name} says {pattern}", seconds,
        )
        return list(re.finditer(pattern, self.log()))[times - 1]

    def _command(self) -> list[str]:
        if self._chroot:
            conf = "STRONGSWAN_CONF=/srv/strongswan.conf"
            return trixie.inside(self._chroot, self.folder, "env", conf, CHARON)
        inside = "mount -t tmpfs none /run && exec env " + f"STRONGSWAN_CONF={self._conf} {CHARON}"
        return ["sh", "-c", inside]

    @property
    def _conf(self) -> pathlib.Path:
        return self.folder / "strongswan.conf"


def parse_sas(raw: str) -> list[dict]:
    """The IKE SAs of `swanctl --list-sas --raw`; each one with its name and its `child-sas`."""
    found = []
    for line in raw.splitlines():
        if line.startswith("list-sa event "):
            tree, _ = _parse(line.removeprefix("list-sa event ").strip()[1:], 0)
            found += [{"name": name, "child-sas": {}} | sa for name, sa in tree.items()]
    return found


_KEY = re.compile(r"\s*([\w.:%-]+)\s*(\{|=\[|=)")
# A value may hold blanks; it ends where another key or the end of the section begins.
_VALUE = re.compile(r"(.*?)(?=\s[\w.:%-]+(?:=|\s?\{)|\s*\})")


def _parse(text: str, at: int) -> tuple[dict, int]:
    tree: dict = {}
    while True:
        m = _KEY.match(text, at)
        if not m:
            return tree, text.find("}", at) + 1
        key, opening = m.groups()
        if opening == "{":
            tree[key], at = _parse(text, m.end())
        elif opening == "=[":
            end = text.index("]", m.end())
            tree[key], at = text[m.end():end].split(), end + 1
        else:
            value = _VALUE.match(text, m.end())
            tree[key], at = value.group(1), value.end()


def dial(offer: Offer, identity: str, **options) -> dict:
    """A client's connection to what the offer describes; `options` in swanctl's words.

    `child`, `local` and `remote` among them are merged into those sections.
    """
    local = {"auth": offer.remote_auth, "id": identity}
    if offer.remote_auth in ("pubkey", "eap-tls"):
        local["certs"] = f"{identity}.pem"
    if offer.with_eap:
        local["eap_id"] = identity
    child = {"remote_ts": net.INSIDE_NET, "esp_proposals": "aes256gcm16-x25519,aes256gcm16"}
    tree = {
        "version": 2, "remote_addrs": net.GATEWAY, "vips": "0.0.0.0", "encap": "yes",
        "proposals": offer.proposals,
        "local": local | options.pop("local", {}),
        "remote": {"auth": offer.local_auth, "id": offer.local_id} | options.pop("remote", {}),
        "children": {CHILD: child | options.pop("child", {})},
    }
    return {"connections": {offer.name: tree | options}}


def psk_secret(secret: str) -> dict:
    return {"secrets": {"ike-1": {"secret": f'"{secret}"'}}}


def eap_secret(identity: str, password: str) -> dict:
    return {"secrets": {"eap-1": {"id": identity, "secret": f'"{password}"'}}}
