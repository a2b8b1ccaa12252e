"""libreswan 5.2 of Debian 13 as a client that resumes (RFC 5723), or a stand-in for the gateway.

pluto runs in a namespace, in the chroot of trixie.py, with its own folder as /srv. The kernel may
lack ESP: xfrm_shim.c answers for it, and esp_tun.py carries the packets.

Facts about this client that shape the cases: `suspend` sends a Delete before it resumes later, and
loses the NAT traversal (port 500, plain ESP after it); a virtual address needs narrowing=no, or the
ticket lives in an instance that cannot resume; a ticket is used once.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import certs
import net
import trixie
from cases import check, wait_until
from children import Children, run
from offer import PSK

START_SECONDS = 20
INITIATE_SECONDS = 25
RESUMED = "authenticated peer using authby=session-resume"
ESTABLISHED = "established Child SA"
GOT_TICKET = "received v2N_TICKET_LT_OPAQUE"
_PROGRAMS = "/usr/libexec/ipsec"
TUN = "esp0"
_SHIM = "/srv/xfrm_shim.so"
SUITE = "aes_gcm256-sha2_256-dh31,aes_gcm256-sha2_256-dh19"

_CONFIG = """\
config setup
	logfile=/srv/pluto.log
	logtime=yes
	logappend=yes
	plutodebug=none
	nhelpers=0
	dnssec-enable=no
"""


class Pluto:
    def __init__(
        self, name: str, folder: pathlib.Path, namespace: net.Namespace, children: Children,
        shim: pathlib.Path, chroot: pathlib.Path, outside: str,
    ):
        """`outside`: its address to the peer."""
        self.name = name
        self.folder = folder / name
        self.namespace = namespace
        self._children = children
        self._chroot = chroot
        self._starts = 0
        self._outside = outside
        self._carries_esp = False
        self._child: subprocess.Popen | None = None
        for part in ("nss", "run", "ipsec.d"):
            (self.folder / part).mkdir(parents=True)
        shutil.copy(shim, self.folder / "xfrm_shim.so")
        self.configure([], {})
        self._alone("certutil", "-N", "-d", "sql:/srv/nss", "--empty-password")

    def configure(self, connections: list[tuple[str, dict]], psks: dict[str, str]) -> None:
        """(name, keys in ipsec.conf's words) each; read when the connection is added."""
        text = _CONFIG
        for name, keys in connections:
            text += f"conn {name}\n" + "".join(f"\t{k}={v}\n" for k, v in keys.items())
        (self.folder / "ipsec.conf").write_text(text)
        secrets = "".join(f'{ids} : PSK "{secret}"\n' for ids, secret in psks.items())
        (self.folder / "ipsec.secrets").write_text(secrets)

    def own(self, authority: certs.Authority, name: str) -> None:
        """Takes certificate and key of that name, and trusts the authority. Before start()."""
        shutil.copy(authority.p12(name), self.folder / "own.p12")
        self._alone("pk12util", "-i", "/srv/own.p12", "-d", "sql:/srv/nss", "-W", "", "-K", "")
        nickname = f"interop CA - {certs.ORGANISATION}"
        self._alone("certutil", "-M", "-d", "sql:/srv/nss", "-n", nickname, "-t", "CT,C,C")

    def start(self) -> None:
        self._starts += 1
        name = f"{self.name}-{self._starts}"
        control = self.folder / "run" / "pluto.ctl"
        control.unlink(missing_ok=True)
        command = trixie.inside(
            self._chroot, self.folder, "env", f"LD_PRELOAD={_SHIM}",
            "XFRM_SHIM_LOG=/srv/sa.log", f"{_PROGRAMS}/pluto", "--nofork",
            "--config", "/srv/ipsec.conf", "--rundir", "/srv/run", "--nssdir", "/srv/nss",
            "--ipsecdir", "/srv/ipsec.d", "--secretsfile", "/srv/ipsec.secrets",
            "--logfile", "/srv/pluto.log", "--no-dnssec",
        )
        self._child = self._children.start(name, self.namespace.command(*command))
        wait_until(
            lambda: control.exists() or self._child.poll() is not None, f"{name} listens",
            START_SECONDS,
        )
        check(self._child.poll() is None, f"{name} runs\n{self._children.tail(name)}")
        self.whack("--listen")

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def add(self, connection: str) -> None:
        self._enter(
            f"{_PROGRAMS}/addconn", "--ctlsocket", "/srv/run/pluto.ctl",
            "--config", "/srv/ipsec.conf", connection,
        )

    def whack(self, *words: str, seconds: float = 10) -> str:
        """What it said; its exit status says too little to be looked at."""
        command = trixie.enter(
            self._child.pid, f"{_PROGRAMS}/whack", "--rundir", "/srv/run", *words
        )
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode(errors="replace")
            raise AssertionError(f"whack {' '.join(words)} ends in {seconds} s\n{said}") from late
        return done.stdout

    def initiate(self, connection: str) -> str:
        """Until the Child SA is up; by a full handshake, or by a ticket when it holds one."""
        said = self.whack("--initiate", "--name", connection, seconds=INITIATE_SECONDS)
        check(ESTABLISHED in said, f"{connection} comes up\n{said}")
        return said

    def suspend(self, connection: str) -> None:
        self.whack("--suspend", "--name", connection)

    def ticket(self, connection: str) -> str:
        """What the status says of it: its length and lifetime, or `none`."""
        status = self.whack("--status")
        found = re.search(rf'"{connection}":.*session resume ticket: (.*)', status)
        check(found is not None, f"the status of {connection} names its ticket\n{status}")
        return found.group(1)

    def address(self, connection: str) -> str:
        """The virtual address that it was leased last."""
        pattern = rf'"{connection}" #\d+: received INTERNAL_IP[46]_ADDRESS (\S+)'
        found = re.findall(pattern, self.log())
        check(bool(found), f"{connection} was leased an address")
        return found[-1]

    def carry_esp(self, address: str) -> None:
        """Packets from `address` to the networks behind the gateway go through the tunnel."""
        if not self._carries_esp:
            self._start_esp()
        length, to = (128, net.INSIDE_NET_V6) if ":" in address else (32, net.INSIDE_NET)
        self.namespace.ip(
            f"addr replace {address}/{length} dev {TUN} nodad",
            f"route replace {to} dev {TUN} src {address}",
        )

    def serve_esp(self, clients: str) -> None:
        """Packets to `clients`, a network, go through the tunnel."""
        self._start_esp()
        self.namespace.ip(f"route replace {clients} dev {TUN} src {net.INSIDE}")

    def _start_esp(self) -> None:
        name = f"{self.name}-esp"
        script = str(pathlib.Path(__file__).with_name("esp_tun.py"))
        command = [sys.executable, script, self._outside, str(self.folder / "sa.log"), TUN]
        child = self._children.start(name, self.namespace.command(*command))
        self._children.wait_for_line(name, child, "READY", START_SECONDS)
        self.namespace.write_sysctl("net.ipv4.conf.all.rp_filter", "0")
        self.namespace.write_sysctl(f"net.ipv4.conf.{TUN}.rp_filter", "0")
        self._carries_esp = True

    def wait_for_log(self, pattern: str, seconds: float = 20, times: int = 1) -> None:
        what = f"the log of {self.name} says {pattern}"
        wait_until(lambda: len(re.findall(pattern, self.log())) >= times, what, seconds)

    def log(self) -> str:
        path = self.folder / "pluto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _alone(self, *words: str) -> None:
        """Runs beside pluto, in the same chroot."""
        command = ["unshare", "--mount", *trixie.inside(self._chroot, self.folder, *words)]
        run(command, f"prepare {self.name}")

    def _enter(self, *words: str) -> str:
        return run(trixie.enter(self._child.pid, *words), f"tell {self.name}")


def client(offer_name: str, identity: str, gateway_identity: str, **more) -> tuple[str, dict]:
    """A connection of a client that wants an address and a ticket."""
    keys = {
        "left": net.CLIENT, "leftid": f"@{identity}", "leftmodecfgclient": "yes",
        "leftsubnet": "0.0.0.0/0", "leftupdown": "/bin/true",
        "right": net.GATEWAY, "rightid": f"@{gateway_identity}", "rightsubnet": net.INSIDE_NET,
        "narrowing": "no", "keyexchange": "ikev2", "ike": SUITE, "esp": "aes_gcm256-null",
        "auto": "ignore", "session-resumption": "yes", "authby": "secret",
        "retransmit-interval": "500ms", "retransmit-timeout": "8s",
    }
    return offer_name, keys | more


def signing(certificate: str) -> dict:
    """Keys of a connection that authenticates with that certificate."""
    authby = "rsa-sha2" if "rsa" in certificate else "ecdsa-sha2_256"
    return {"leftcert": certificate, "authby": authby, "rightca": f'"{certs.CA_NAME}"'}


def psk_for(identity: str, gateway_identity: str) -> dict[str, str]:
    return {f"@{identity} @{gateway_identity}": PSK}
