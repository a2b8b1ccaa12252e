"""resurged and resurge-storm as two DPDK programs: clients connect and resume, the gateway is
killed, and networks are bad.

Run by meson with the paths of the programs: pair_test.py RESURGED RESURGE_KEYS RESURGE_STORM
"""

import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

from children import Children  # noqa: E402
from pair import Pair  # noqa: E402

NAMES = ("resurged", "resurge-keys", "resurge-storm")
PROGRAMS = dict(zip(NAMES, map(pathlib.Path, sys.argv[1:4])))
CLIENTS = 1000


class TwoPrograms(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="resurge-pair-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        children = self.enterContext(Children(path))
        self.pair = Pair(path, children, PROGRAMS, sessions=8 * CLIENTS, half_opens=2048)

    def resume(self, *options, bag="tickets", **settings):
        found = self.pair.storm(bag, *options, **settings)
        self.assertEqual(found["resumed"], CLIENTS, found)
        self.assertEqual(found["wrong_auth"], 0)
        self.assertEqual(found["objection"], "")
        return found

    def echoes(self):
        """That the gateway has answered so far."""
        if not (self.pair.folder / "stats.json").exists():
            return 0
        return self.pair.stats()["total"]["inner_echoes"]

    def mint(self, *bags):
        for bag in bags:
            self.pair.mint(bag, CLIENTS)

    def test_every_client_resumes_and_again_with_its_new_ticket(self):
        self.mint("tickets")
        self.pair.start_gateway()
        new = str(self.pair.folder / "new")
        found = self.resume("--dpd", "--save-tickets", new)
        self.assertEqual(found["new_tickets"], CLIENTS)
        self.assertEqual(found["address_kept"], CLIENTS)
        self.assertEqual(found["dpd_answered"], CLIENTS)
        self.assertEqual(found["back"], CLIENTS)
        self.resume("--auth-form", "libreswan", "--no-echo", bag="new")
        total = self.pair.stop_gateway()["total"]
        self.assertEqual(total["resumptions"], 2 * CLIENTS)
        self.assertEqual(total["libreswan_form"], CLIENTS)
        self.assertEqual(total["inner_echoes"], CLIENTS)  # of the first time
        self.assertEqual(total["auth_failures"], 0)

    def test_who_connected_comes_back_to_its_address_after_kill_nine(self):
        self.pair.start_gateway()
        bag = str(self.pair.folder / "tickets")
        found = self.pair.connect(CLIENTS, "--window", "64", "--save-tickets", bag)
        self.assertEqual(found["objection"], "")
        self.assertEqual(found["connected"], CLIENTS)
        self.assertEqual(found["addresses"], CLIENTS)
        self.assertEqual(found["back"], CLIENTS)
        self.pair.kill_gateway()
        self.pair.start_gateway(wait=False)
        found = self.resume()
        self.assertEqual(found["address_kept"], CLIENTS)
        self.assertEqual(found["back"], CLIENTS)
        self.assertGreater(found["last_back_unix_s"], self.pair.started_unix_s)
        self.assertGreater(found["first_up_unix_s"], self.pair.started_unix_s)
        total = self.pair.stop_gateway()["total"]
        self.assertEqual(total["punts"], 0)
        self.assertEqual(total["inner_echoes"], CLIENTS)
        self.assertEqual(total["drops"]["esp_unknown_spi"], 0)

    def test_clients_connect_through_a_bad_network_with_another_group(self):
        self.pair.start_gateway()
        bad = ("--loss", "5", "--duplicate", "5", "--reorder", "10", "--retry-ms", "50")
        found = self.pair.connect(
            200, *bad, "--retry-tries", "12", "--proposal", "aes128gcm16-prfsha384-ecp256",
            "--identity", "c%u.example", "--reuse-ke", "10", "--float",
        )
        self.assertEqual(found["objection"], "")
        self.assertGreater(found["retransmissions"], 0)
        self.pair.stop_gateway()

    def test_tunnels_of_every_suite_carry_packets_plain_and_in_udp(self):
        suites = ("aes128gcm16", "chacha20poly1305", "aes256-sha256", "aes128-sha256")
        self.mint(*suites, "udp")
        self.pair.start_gateway()
        for suite in suites:
            found = self.resume("--child-suite", suite, bag=suite)
            self.assertEqual(found["back"], CLIENTS, suite)
        found = self.resume("--port", "4500", gateway="2001:db8::1", bag="udp")
        self.assertEqual(found["back"], CLIENTS)
        total = self.pair.stop_gateway()["total"]
        self.assertEqual(total["inner_echoes"], 5 * CLIENTS)

    def test_traffic_goes_on_while_others_come_back(self):
        self.mint("tickets")
        self.pair.start_gateway()
        found = self.resume(
            "--rate", str(2 * CLIENTS), "--esp-rate", "2000", "--esp-sessions", "100",
            "--esp-size", "512", "--esp-seconds", "0.5",
        )
        for time in ("storm", "after"):
            traffic = found["traffic"][time]
            self.assertGreater(traffic["sent"], 400, time)
            self.assertGreater(traffic["percent"], 95, time)
        total = self.pair.stop_gateway()["total"]
        self.assertGreater(total["esp_in_octets"], 512 * 800)

    def test_a_killed_gateway_answers_no_tunnel_and_a_new_one_does(self):
        self.mint("tickets")
        self.pair.start_gateway()
        bag = self.pair.folder / "tickets"
        slow = ("--tickets", str(bag), "--rate", "500", "--retry-ms", "50", "--retry-tries", "3",
                "--retry-restarts", "0", "--esp-rate", "200", "--timeout", "6")
        storm = self.pair.begin_storm(*slow, "--save-tickets", str(self.pair.folder / "rest"))
        deadline = time.monotonic() + 30
        while self.echoes() < 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        self.pair.kill_gateway()
        found = self.pair.ended(storm)
        self.assertGreater(found["back"], 100)
        self.assertLess(found["back"], CLIENTS)
        self.assertLess(found["traffic"]["storm"]["answered"], found["traffic"]["storm"]["sent"])
        self.assertNotEqual(found["objection"], "")
        # Who was up has a ticket of that gateway, who was not has the old one; of a client whose
        # message 4 was lost there is no knowing.
        self.pair.start_gateway()
        again = self.pair.storm("rest")
        self.assertEqual(again["back"], again["resumed"])
        self.assertGreaterEqual(again["back"], found["back"])

    def test_a_used_ticket_stays_used_over_kill_nine(self):
        self.mint("tickets", "unused")
        self.pair.start_gateway()
        self.resume()
        self.pair.kill_gateway()
        self.pair.start_gateway()
        again = self.pair.storm("tickets")
        self.assertEqual(again["resumed"], 0)
        self.assertEqual(again["nacks"], CLIENTS)
        self.resume(bag="unused")
        total = self.pair.stop_gateway()["total"]
        self.assertEqual(total["resumptions"], CLIENTS)
        self.assertGreaterEqual(total["drops"]["ticket_spent"], CLIENTS)

    def test_a_bad_network_delays_and_breaks_nothing(self):
        self.mint("tickets")
        self.pair.start_gateway()
        bad = ("--loss", "5", "--duplicate", "5", "--reorder", "10", "--retry-ms", "50")
        found = self.resume(*bad, "--retry-tries", "12", "--seed", "7")
        self.assertGreater(found["retransmissions"], 0)
        total = self.pair.stop_gateway()["total"]
        self.assertEqual(total["resumptions"], CLIENTS)

    def test_over_ipv6_at_a_steady_rate_with_nat_traversal(self):
        self.mint("tickets", "more")
        self.pair.start_gateway()
        rate = ("--rate", str(2 * CLIENTS))
        found = self.resume(*rate, "--nat-detection", "--float", gateway="2001:db8::1")
        self.assertGreater(found["seconds"], 0.4)
        self.resume(*rate, "--port", "4500", bag="more")
        self.pair.stop_gateway()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
