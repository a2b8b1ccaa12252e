"""resurged and resurge-storm at the two ends of a cable of the kernel, on the ports that serve
ordinary network interfaces. Run by meson; see cables.py.
"""

import pathlib
import socket
import tempfile
import unittest

import cables
from children import Children
from pair import Pair, Wire

CLIENTS = 500
WIRES = {
    "af_packet": Wire("net_af_packet0,iface=gw0,qdisc_bypass=1", "net_af_packet0,iface=cl0"),
    "af_xdp": Wire("net_af_xdp0,iface=gw0,force_copy=1", "net_af_packet0,iface=cl0"),
}
AF_XDP = 44  # of <linux/socket.h>; Python has no name for it


class OverAVeth(unittest.TestCase):
    def resume(self, wire: Wire, gateway: str):
        folder = tempfile.TemporaryDirectory(prefix="resurge-veth-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        with Children(path) as children:
            pair = Pair(path, children, cables.PROGRAMS, 2 * CLIENTS, 1024, wire=wire)
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
    cables.main(lambda: cables.lay(("gw0", "cl0")))
