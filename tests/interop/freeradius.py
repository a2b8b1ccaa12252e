"""The FreeRADIUS of Debian as the real server of a test, with a configuration of its own.

    with Children(folder) as children:
        server = FreeRadius(folder / "radius", children, users=[User("alice", "wonderland")])
        server.start()          # returns when it answers; server.port is then known
        ...
        server.stop()           # or the end of `children`

Nothing of /etc/freeradius/3.0 is used but its dictionaries' package; everything it writes stays in
`folder`. The server offers EAP-MSCHAPv2 always and EAP-TLS when it is given certificates.
"""

import contextlib
import dataclasses
import pathlib
import secrets
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

from children import ChildError, Children  # noqa: E402

PROGRAM = "/usr/sbin/freeradius"
_MODULES = "/usr/lib/freeradius"
_READY = "Ready to process requests"


@dataclasses.dataclass
class User:
    """Somebody who may log in. `reply` is sent with the Access-Accept: attribute -> value."""

    name: str
    password: str
    reply: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class TlsFiles:
    """PEM files of EAP-TLS: whom the server trusts, what it shows, and the key without password."""

    ca: pathlib.Path
    certificate: pathlib.Path
    key: pathlib.Path
    max_version: str = "1.2"  # "1.3" for clients that have RFC 9190


@dataclasses.dataclass
class FreeRadius:
    """One server on one address and port, run in `namespace` when that is given.

    `address` may be IPv4 or IPv6. `port` 0 takes a free one of this namespace (not of `namespace`:
    give the port there). `clients` are the prefixes that `secret` holds for.
    """

    folder: pathlib.Path
    children: Children
    users: list[User] = dataclasses.field(default_factory=list)
    tls: TlsFiles | None = None
    default_eap: str = "mschapv2"  # or "tls"; the client may ask for the other with a Nak
    address: str = "127.0.0.1"
    port: int = 0
    namespace: str | None = None
    clients: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    secret: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))
    fragment_len: int = 1024  # of EAP-TLS, octets
    _child: subprocess.Popen | None = dataclasses.field(default=None, init=False)

    def start(self, seconds: float = 20) -> None:
        if not self.port:
            self.port = free_udp_port(self.address)
        self._write()
        name = self._name()
        command = [PROGRAM, "-f", "-l", "stdout", "-d", str(self.folder), "-n", "radiusd"]
        if self.namespace:
            command = ["ip", "netns", "exec", self.namespace, *command]
        self._child = self.children.start(name, command)
        deadline = time.monotonic() + seconds
        while _READY not in self.log():
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise ChildError(f"{name} did not become ready\n{self.children.tail(name)}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._child is not None:
            self.children.stop(self._name(), self._child)
            self._child = None

    def log(self) -> str:
        return self.children.log(self._name()).read_text(errors="replace")

    def _name(self) -> str:
        return f"freeradius-{self.folder.name}"

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # secrets and passwords
        for name, text in self.files().items():
            (self.folder / name).write_text(text)

    def files(self) -> dict[str, str]:
        """The whole configuration: file name -> text."""
        clients = "".join(self._client(i, prefix) for i, prefix in enumerate(self.clients))
        main = _MAIN.format(
            folder=self.folder, modules=_MODULES, clients=clients, eap=self._eap(),
            family="ipv6addr" if ":" in self.address else "ipaddr",
            address=self.address, port=self.port,
        )
        return {
            "radiusd.conf": main,
            "users": "\n".join(map(_user_text, self.users)) + "\n",
            "until_accepted": _UNTIL_ACCEPTED,
            "dictionary": "# What the package brings is enough.\n",
        }

    def _client(self, index: int, prefix: str) -> str:
        family = "ipv6addr" if ":" in prefix else "ipaddr"
        return (
            f"client c{index} {{\n  {family} = {prefix}\n  secret = {quoted(self.secret)}\n"
            "  require_message_authenticator = yes\n}\n"
        )

    def _eap(self) -> str:
        tls = ""
        if self.tls:
            tls = _TLS.format(
                ca=self.tls.ca, certificate=self.tls.certificate, key=self.tls.key,
                max_version=self.tls.max_version, fragment_len=self.fragment_len,
            )
        return _EAP.format(default_eap=self.default_eap, tls=tls)


def free_udp_port(address: str) -> int:
    """A port that nobody has at this moment; the next one who binds it may be somebody else."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def quoted(text: str) -> str:
    """A single-quoted string of FreeRADIUS, in which nothing is expanded."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _user_text(user: User) -> str:
    lines = [f"{quoted(user.name)} Cleartext-Password := {quoted(user.password)}"]
    items = [f"\t{name} = {quoted(value)}" for name, value in user.reply.items()]
    return "\n".join([*lines, ",\n".join(items)] if items else lines)


_MAIN = """\
# Written by tests/interop/freeradius.py.
name = radiusd
logdir = {folder}
run_dir = {folder}
libdir = {modules}
max_request_time = 10
cleanup_delay = 2
max_requests = 4096
log {{
  destination = stdout
  auth = yes
}}
security {{
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}}
proxy_requests = no
thread pool {{
  start_servers = 1
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 2
}}
modules {{
  files {{
    filename = {folder}/users
  }}
  mschap {{
    use_mppe = yes
    require_encryption = yes
    require_strong = yes
  }}
  attr_filter until_accepted {{
    key = '%{{User-Name}}'
    filename = {folder}/until_accepted
  }}
{eap}}}
{clients}server default {{
  listen {{
    type = auth
    {family} = {address}
    port = {port}
  }}
  authorize {{
    files
    eap {{
      ok = return
    }}
  }}
  authenticate {{
    Auth-Type MS-CHAP {{
      mschap
    }}
    eap
  }}
  post-auth {{
    Post-Auth-Type Challenge {{
      until_accepted
    }}
    Post-Auth-Type REJECT {{
      until_accepted
    }}
  }}
}}
"""

_UNTIL_ACCEPTED = """\
DEFAULT
\tEAP-Message =* ANY,
\tState =* ANY,
\tMessage-Authenticator =* ANY,
\tReply-Message =* ANY,
\tProxy-State =* ANY
"""

_EAP = """\
  eap {{
    default_eap_type = {default_eap}
    timer_expire = 60
    max_sessions = 4096
{tls}    mschapv2 {{
    }}
  }}
"""

_TLS = """\
    tls-config resurge {{
      ca_file = {ca}
      certificate_file = {certificate}
      private_key_file = {key}
      tls_min_version = "1.2"
      tls_max_version = "{max_version}"
      fragment_size = {fragment_len}
      ecdh_curve = ""
    }}
    tls {{
      tls = resurge
    }}
"""
