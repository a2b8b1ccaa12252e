"""Network namespaces for a gateway, a client and a NAT between them; gone when the test ends.

A DPDK process owns the gateway's end of a veth pair (net_af_packet), so that end has no address in
the kernel: the kernel would answer too. A stand-in for the gateway that uses sockets has one.

    192.0.2.1 gateway ---- 192.0.2.2 client (and 192.0.2.3, 2001:db8::2)              plain
    192.0.2.1 gateway ---- 192.0.2.9 NAT 198.51.100.1 ---- 198.51.100.2 client        nat=True
    10.99.0.2 host ---- 10.99.0.1 gateway (and 2001:db8:99::2, 2001:db8:99::1)        host=True
"""

import atexit
import contextlib
import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator

GATEWAY = "192.0.2.1"
GATEWAY_V6 = "2001:db8::1"
CLIENT = "192.0.2.2"
CLIENT_OTHER = "192.0.2.3"
CLIENT_V6 = "2001:db8::2"
NAT_OUTSIDE = "192.0.2.9"
NAT_CLIENT = "198.51.100.2"
# Behind the gateway, for what goes through the tunnel: its own address, and that of a host.
INSIDE = "10.99.0.1"
INSIDE_V6 = "2001:db8:99::1"
INSIDE_NET = "10.99.0.0/24"
INSIDE_NET_V6 = "2001:db8:99::/64"
HOST = "10.99.0.2"
HOST_V6 = "2001:db8:99::2"

# The gateway's ends as devices of DPDK.
AF_PACKET = "net_af_packet0,iface=gw0,qdisc_bypass=1"
AF_XDP_INSIDE = "net_af_xdp1,iface=in0,force_copy=1"
AF_XDP = "net_af_xdp0,iface=gw0,force_copy=1"

_PREFIX = "rsg"
_NETNS_FOLDER = pathlib.Path("/run/netns")
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_CLONE_NEWNET = 0x40000000
_ETH_P_ALL = 3
_LIBC = ctypes.CDLL(None, use_errno=True)

# What comes to the NAT itself is dropped before it is remembered: an answer on its way while the
# mappings are forgotten would take the place that the client's next ESP packet needs.
_MASQUERADE = """\
table ip nat {{
  chain out {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "out0" meta l4proto udp masquerade{ports}
    oifname "out0" meta l4proto esp masquerade
  }}
  chain strangers {{
    type filter hook input priority filter; policy accept;
    iifname "out0" meta l4proto {{ udp, esp }} drop
  }}
}}
"""


class NetError(Exception):
    """The kernel did not give us what the test needs; the text says what."""


def why_not() -> str:
    """What is missing on this machine, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nft"):
        if not shutil.which(program):
            return f"no {program} here; run tools/setup"
    if not pathlib.Path("/dev/net/tun").exists():
        return "this kernel has no TUN device"
    name = _name("probe")
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "this kernel lets us make no network namespaces"
    _remove(name)
    return ""


class Namespace:
    def __init__(self, role: str):
        self.name = _name(role)
        _remove(self.name)
        _run(["ip", "netns", "add", self.name])
        self.ip("link set lo up")

    def command(self, *words: str) -> list[str]:
        """A command line that runs `words` inside; exec all the way, so signals reach it."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str, stdin: str | None = None) -> str:
        return _run(self.command(*words), stdin)

    def frames(self, device: str) -> socket.socket:
        """A socket that sees every Ethernet frame of the device, and sends such ones."""
        with _inside(self.name):
            found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        found.bind((device, 0))
        return found

    def ip(self, *lines: str) -> None:
        _run(["ip", "-n", self.name, "-batch", "-"], "\n".join(lines) + "\n")

    def write_sysctl(self, name: str, value: str) -> None:
        # /proc/sys/net is that of the reading process, so go through the namespace.
        path = "/proc/sys/" + name.replace(".", "/")
        self.run("sh", "-c", f"echo {value} > {path}")


class Network:
    """with Network() as net: net.gateway and net.client are namespaces, joined as asked."""

    def __init__(
        self, nat: bool = False, ipv6: bool = True, host: bool = False,
        kernel_gateway: bool = False,
    ):
        self._ipv6 = ipv6 and not nat
        self.gateway = Namespace("gw")
        self.client = Namespace("cl")
        self.nat = Namespace("nat") if nat else None
        self.host = Namespace("host") if host else None
        if self.nat:
            self._join_by_nat(self.nat)
        else:
            self._join()
        if self.host:
            self._join_host(self.host)
        if kernel_gateway:
            self._make_kernel_gateway("in0" if host else "lo")
        _send_whole_checksums(self.client.name, "cl0")

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_why) -> None:
        for namespace in (self.gateway, self.client, self.nat, self.host):
            if namespace:
                _remove(namespace.name)

    @property
    def client_address(self) -> str:
        return NAT_CLIENT if self.nat else CLIENT

    def move_client(self) -> None:
        """The client changes to its other address, as one that goes from one network to another."""
        self.client.ip(
            f"addr del {CLIENT}/24 dev cl0", f"addr add {CLIENT_OTHER}/24 dev cl0",
            f"route replace default via {GATEWAY}",
        )

    def forget_mappings(self, first_port: int) -> None:
        """The NAT forgets what it knows, and takes other ports for the next packets."""
        assert self.nat
        self.nat.run("nft", "flush", "ruleset")
        self._masquerade(self.nat, f" to :{first_port}-{first_port + 999}")
        # The kernel drops the mappings of an interface that masquerades and goes down.
        self.nat.ip("link set out0 down", "link set out0 up")

    def _join(self) -> None:
        _veth(self.gateway, "gw0", self.client, "cl0")
        self.client.ip(
            f"addr add {CLIENT}/24 dev cl0", f"route add default via {GATEWAY}",
            *([f"addr add {CLIENT_V6}/64 dev cl0 nodad"] if self._ipv6 else []),
        )

    def _join_host(self, host: Namespace) -> None:
        _veth(self.gateway, "in0", host, "host0")
        host.ip(
            f"addr add {HOST}/24 dev host0", f"addr add {HOST_V6}/64 dev host0 nodad",
            f"route add default via {INSIDE}", f"route add default via {INSIDE_V6}",
        )
        _send_whole_checksums(host.name, "host0")

    def _make_kernel_gateway(self, inside: str) -> None:
        self.gateway.ip(
            f"addr add {GATEWAY}/24 dev gw0",
            *([f"addr add {GATEWAY_V6}/64 dev gw0 nodad"] if self._ipv6 else []),
            f"addr add {INSIDE}/24 dev {inside}", f"addr add {INSIDE_V6}/64 dev {inside} nodad",
        )
        for family in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            self.gateway.write_sysctl(f"net.{family}", "1")

    def _join_by_nat(self, nat: Namespace) -> None:
        _veth(self.gateway, "gw0", nat, "out0")
        _veth(nat, "in0", self.client, "cl0")
        nat.ip(f"addr add {NAT_OUTSIDE}/24 dev out0", "addr add 198.51.100.1/24 dev in0")
        self.client.ip(f"addr add {NAT_CLIENT}/24 dev cl0", "route add default via 198.51.100.1")
        nat.write_sysctl("net.ipv4.ip_forward", "1")
        _send_whole_checksums(nat.name, "out0")
        self._masquerade(nat, "")

    def _masquerade(self, nat: Namespace, ports: str) -> None:
        nat.run("nft", "-f", "-", stdin=_MASQUERADE.format(ports=ports))


def remove_leftovers() -> None:
    """Namespaces of runs that were killed, with whatever still runs in them."""
    for path in _NETNS_FOLDER.glob(f"{_PREFIX}-*"):
        owner = path.name.rpartition("-")[2]
        if owner.isdigit() and not pathlib.Path("/proc", owner).exists():
            _remove(path.name)


def _name(role: str) -> str:
    return f"{_PREFIX}-{role}-{os.getpid()}"


def _run(command: list[str], stdin: str | None = None) -> str:
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        raise NetError(f"{' '.join(command)}: {done.stdout}{done.stderr}{stdin or ''}".strip())
    return done.stdout


def _remove(name: str) -> None:
    if not (_NETNS_FOLDER / name).exists():
        return
    found = subprocess.run(
        ["ip", "netns", "pids", name], capture_output=True, text=True, check=False
    )
    for pid in re.findall(r"\d+", found.stdout):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _veth(one: Namespace, one_end: str, other: Namespace, other_end: str) -> None:
    _run(["ip", "link", "add", one_end, "netns", one.name, "type", "veth",
          "peer", "name", other_end, "netns", other.name])
    for namespace, end in ((one, one_end), (other, other_end)):
        # No router solicitations and multicast reports among what the gateway counts.
        namespace.write_sysctl(f"net.ipv6.conf.{end}.accept_ra", "0")
        namespace.ip(f"link set {end} up")


def _send_whole_checksums(namespace: str, device: str) -> None:
    """As `ethtool -K DEVICE tx off`: else checksums leave here as the pseudo-header's alone."""
    with _inside(namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        value = bytearray(struct.pack("II", _ETHTOOL_STXCSUM, 0))
        fixed = (ctypes.c_char * len(value)).from_buffer(value)
        request = struct.pack("16sP", device.encode(), ctypes.addressof(fixed))
        fcntl.ioctl(control, _SIOCETHTOOL, request)


@contextlib.contextmanager
def _inside(namespace: str) -> Iterator[None]:
    """This thread is in the namespace; the sockets that it makes stay there."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(_NETNS_FOLDER / namespace, os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(here)
        os.close(here)
        os.close(there)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET) != 0:
        raise NetError(f"setns: {os.strerror(ctypes.get_errno())}")


def _remove_ours() -> None:
    for path in _NETNS_FOLDER.glob(f"{_PREFIX}-*-{os.getpid()}"):
        _remove(path.name)


atexit.register(_remove_ours)
