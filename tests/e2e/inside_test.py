"""resurged with a port on either side, on cables of the kernel: what a host of the private network
sees of it. The clients are resurge-storm's. Run by meson; see cables.py.
"""

import pathlib
import socket
import subprocess
import tempfile
import time
import unittest

import cables
from children import Children
from pair import Pair, Wire

CLIENTS = 50
WIRE = Wire("net_af_packet0,iface=gw0,qdisc_bypass=1", "net_af_packet0,iface=cl0")
INSIDE = """
[inside]
device = "net_af_packet1,iface=gw1,qdisc_bypass=1"
addresses = ["10.99.0.1/24", "fd99::1/64"]
"""
SAME_PORT = """
[inside]
device = "net_af_packet0,iface=gw0,qdisc_bypass=1"
vlan = 7
addresses = ["10.98.0.1/24", "fd98::1/64"]
"""
# From 10.98.0.9, eight octets of UDP.
UDP_TO_LEASED = bytes.fromhex("4500001c00010000401166650a6200090a0000011388138800080000")
LEASED, FREE = "10.0.0.1", "10.63.0.1"  # of the pool: the first client's, nobody's


def lay_cables() -> None:
    # Only the host on the inside speaks for itself.
    cables.lay(("gw0", "cl0"), ("gw1", "in0"))
    pathlib.Path("/proc/sys/net/ipv6/conf/in0/disable_ipv6").write_text("0")
    cables.ip("address add 10.99.0.9/24 dev in0")
    cables.ip("address add fd99::9/64 dev in0 nodad")
    cables.ip("route add 10.0.0.0/10 dev in0")  # where the pool lies in the subnet, a host asks


def mac_of(device: str) -> str:
    words = cables.ip(f"-o link show {device}").split()
    return words[words.index("link/ether") + 1]


def ping(address: str, *options: str) -> bool:
    command = ["ping", "-c", "3", "-i", "0.2", "-W", "1", *options, address]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def neighbour(address: str) -> str:
    """The MAC address that the host on the inside has found."""
    words = cables.ip(f"neighbour show {address}").split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else ""


class Gateway(unittest.TestCase):
    """One for all cases of a class, which go by their numbers."""

    inside = INSIDE

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="resurge-inside-")
        cls.addClassCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        children = Children(path)
        cls.enterClassContext(children)
        cls.pair = Pair(path, children, cables.PROGRAMS, 2 * CLIENTS, 1024, wire=WIRE)
        cls.pair.config.write_text(cls.pair.config.read_text() + cls.inside)
        cls.pair.mint("tickets", CLIENTS)
        cls.pair.start_gateway()

    def counted(self, *names: str) -> list[int]:
        time.sleep(0.3)  # the file is written ten times a second
        total = self.pair.stats()["total"]
        return [total["drops"].get(name, total.get(name)) for name in names]


class OnItsOwnPort(Gateway):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mac = mac_of("gw1")

    def test_1_the_gateway_answers_for_itself(self):
        self.assertTrue(ping("10.99.0.1"))
        self.assertTrue(ping("fd99::1"))
        self.assertEqual(neighbour("10.99.0.1"), self.mac)
        self.assertEqual(neighbour("fd99::1"), self.mac)
        self.assertTrue(ping("10.99.0.1", "-s", "1400"))
        self.assertGreaterEqual(self.counted("inner_echoes")[0], 9)

    def test_2_nobody_answers_for_addresses_without_a_client(self):
        self.assertFalse(ping(FREE))
        self.assertEqual(neighbour(FREE), "")
        self.assertGreater(self.counted("arp_bad")[0], 0)

    def test_3_packets_for_a_client_go_into_its_tunnel(self):
        self.assertEqual(self.pair.storm("tickets", "--window", "16")["resumed"], CLIENTS)
        (before,) = self.counted("esp_out")
        ping(LEASED)
        self.assertEqual(neighbour(LEASED), self.mac)
        sent, forwarded = self.counted("esp_out", "forwarded")
        self.assertGreaterEqual(sent, before + 3)
        self.assertGreaterEqual(forwarded, 3)

    def test_4_a_sender_is_told_what_fits(self):
        ping(LEASED, "-M", "do", "-s", "1460")
        shown = cables.ip(f"route get {LEASED}")
        self.assertIn("mtu 14", shown, "the host has learned the tunnel's MTU")
        self.assertGreater(self.counted("inner_too_big")[0], 0)

    def test_5_a_sender_is_told_that_hops_ran_out(self):
        command = ["ping", "-c", "1", "-W", "1", "-t", "1", LEASED]
        said = subprocess.run(command, check=False, capture_output=True, text=True).stdout
        self.assertIn("From 10.99.0.1", said)
        self.assertIn("Time to live exceeded", said)


class OnAVlan(Gateway):
    """The kernel may lack VLAN devices: frames are made by hand."""

    inside = SAME_PORT
    tag = b"\x81\x00\x00\x07"

    def setUp(self):
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        self.wire.bind(("cl0", 0x0806))
        self.wire.settimeout(1)
        self.addCleanup(self.wire.close)

    def ask(self, address: str, tag: bytes) -> str:
        """The MAC address in the answer to an ARP request; nothing without one."""
        own = bytes.fromhex("020000000099")
        wanted = socket.inet_aton(address)
        arp = bytes.fromhex("0001080006040001") + own + socket.inet_aton("10.98.0.9")
        self.wire.send(b"\xff" * 6 + own + tag + b"\x08\x06" + arp + bytes(6) + wanted + bytes(18))
        try:
            while True:
                answer = self.wire.recv(100)[14:]
                if answer[6:8] == b"\x00\x02" and answer[14:18] == wanted:
                    return answer[8:14].hex(":")
        except TimeoutError:
            return ""

    def test_both_sides_are_served(self):
        gateway = mac_of("gw0")
        self.assertEqual(self.ask("10.98.0.1", self.tag), gateway)
        self.assertEqual(self.ask("192.0.2.1", b""), gateway)
        self.assertEqual(self.ask("10.98.0.1", b""), "", "not on the outside")
        self.assertEqual(self.ask(LEASED, self.tag), "", "nobody has it yet")
        self.assertEqual(self.pair.storm("tickets", "--window", "16")["resumed"], CLIENTS)
        self.assertEqual(self.ask(LEASED, self.tag), gateway)
        (before,) = self.counted("esp_out")
        mac = bytes.fromhex(gateway.replace(":", ""))
        self.wire.send(mac + mac[:5] + b"\x99" + self.tag + b"\x08\x00" + UDP_TO_LEASED)
        self.assertEqual(self.counted("esp_out")[0], before + 1)


if __name__ == "__main__":
    cables.main(lay_cables)
