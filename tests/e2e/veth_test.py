"""resurged and resurge-storm at the two ends of a cable of the kernel: a veth pair in a network
namespace that is gone when the test ends, on the ports that serve ordinary network interfaces.

Run by meson with the paths of the programs: veth_test.py RESURGED RESURGE_KEYS RESURGE_STORM
Needs root, and says so when it is not.
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

from children import Children, run  # noqa: E402
from pair import Pair, Wire  # noqa: E402

NAMES = ("resurged", "resurge-keys", "resurge-storm")
PROGRAMS = dict(zip(NAMES, map(pathlib.Path, sys.argv[1:4])))
CLIENTS = 500
WIRES = {
    "af_packet": Wire("net_af_packet0,iface=gw0,qdisc_bypass=1", "net_af_packet0,iface=cl0"),
    "af_xdp": Wire("net_af_xdp0,iface=gw0,force_copy=1", "net_af_packet0,iface=cl0"),
}
AF_XDP = 44  # of <linux/socket.h>; Python has no name for it
INSIDE = "RESURGE_VETH_TEST"


def can_make_namespaces() -> bool:
    tried = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return tried.returncode == 0


def lay_cable() -> None:
    # Without addresses and without IPv6: the kernel must not answer in the gateway's place.
    pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    run(["ip", "link", "add", "gw0", "type", "veth", "peer", "name", "cl0"], "lay a cable")
    for end in ("gw0", "cl0"):
        run(["ip", "link", "set", end, "up"], "bring the cable up")


class OverAVeth(unittest.TestCase):
    def resume(self, wire: Wire, gateway: str):
        folder = tempfile.TemporaryDirectory(prefix="resurge-veth-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        with Children(path) as children:
            pair = Pair(path, children, PROGRAMS, 2 * CLIENTS, 1024, wire=wire)
            pair.mint("tickets", CLIENTS)
            pair.start_gateway()
            found = pair.storm("tickets", "--window", "64", "--dpd", gateway=gateway)
            self.assertEqual(found["objection"], "", children.tail("resurged"))
            self.assertEqual(found["resumed"], CLIENTS, found)
            self.assertEqual(found["wrong_auth"], 0)
            self.assertEqual(found["dpd_answered"], CLIENTS)
            total = pair.stop_gateway()["total"]
        self.assertEqual(total["resumptions"], CLIENTS)
        self.assertEqual(total["drops"]["udp_bad_checksum"], 0)
        self.assertGreater(total["link_answers"], 0)  # ARP or neighbour discovery

    def test_af_packet_over_ipv4(self):
        self.resume(WIRES["af_packet"], "192.0.2.1")

    def test_af_packet_over_ipv6(self):
        self.resume(WIRES["af_packet"], "2001:db8::1")

    def test_af_xdp_over_ipv4(self):
        try:
            socket.socket(AF_XDP, socket.SOCK_RAW).close()
        except OSError as why:
            self.skipTest(f"this kernel has no AF_XDP: {why}")
        self.resume(WIRES["af_xdp"], "192.0.2.1")


if __name__ == "__main__":
    if INSIDE not in os.environ:
        if not can_make_namespaces():
            print("no network namespaces: run as root")
            sys.exit(77)
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    lay_cable()
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
