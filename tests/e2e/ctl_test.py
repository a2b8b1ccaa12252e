"""resurgectl beside resurged and resurge-storm: SAs that a worker serves are seen, counted and
closed.

Run by meson with the paths of the programs: ctl_test.py RESURGED RESURGE_KEYS RESURGE_STORM
RESURGECTL
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

from children import Children  # noqa: E402
from pair import Pair  # noqa: E402

NAMES = ("resurged", "resurge-keys", "resurge-storm", "resurgectl")
PROGRAMS = dict(zip(NAMES, map(pathlib.Path, sys.argv[1:5])))
CLIENTS = 3000
ANSWER_SECONDS = 20


class WorkersSas(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="resurge-ctl-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        children = self.enterContext(Children(path))
        self.pair = Pair(path, children, PROGRAMS, sessions=4 * CLIENTS, half_opens=2048)
        self.socket = path / "control"
        with self.pair.config.open("a") as config:
            config.write(f'\n[control]\nsocket = "{self.socket}"\n')
            config.write('\n[ike]\nretransmit_timeout = "200ms"\nretransmit_tries = 1\n')
        self.pair.mint("tickets", CLIENTS)
        self.pair.start_gateway()

    def ctl(self, *words, status=0):
        """What it prints on standard output, and on standard error."""
        done = subprocess.run(
            [PROGRAMS["resurgectl"], "--socket", self.socket, *words],
            capture_output=True, text=True, timeout=ANSWER_SECONDS,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout, done.stderr

    def rows(self, *words):
        out, err = self.ctl("--json", "list-sas", *words)
        self.assertEqual(err, "")
        return [json.loads(line) for line in out.splitlines()]

    def resume(self, *options, bag="tickets", clients=CLIENTS):
        found = self.pair.storm(bag, *options)
        self.assertEqual(found["resumed"], clients, found)
        return found

    def wait_until(self, is_so, what):
        deadline = time.monotonic() + ANSWER_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def test_every_resumed_client_is_listed_once_with_what_it_carried(self):
        self.resume()
        rows = self.rows()
        self.assertEqual(len({row["ike"] for row in rows}), CLIENTS)
        self.assertEqual(len(rows), CLIENTS)
        for row in rows:
            self.assertEqual(row["state"], "resumed")
            self.assertEqual((row["served_by"], row["worker"]), ("worker", 0))
            self.assertEqual(row["connection"], "storm")
            (child,) = row["children"]
            self.assertEqual(child["packets_in"], 1, "its echo request")
            self.assertEqual(child["packets_out"], 1)
            self.assertGreater(child["bytes_in"], 60)
            self.assertIsNotNone(child["last_in_s"])
        one = rows[CLIENTS // 2]
        (address,) = one["addresses"]
        for words in (("--ike", one["ike"]), ("--identity", one["remote_id"]),
                      ("--address", address)):
            self.assertEqual([row["ike"] for row in self.rows(*words)], [one["ike"]], words)
        table, note = self.ctl("list-sas", "--limit", "10")
        self.assertEqual(table.count("worker 0"), 10)
        self.assertEqual(note, f"... {CLIENTS - 10} more, use --limit (0 = all) or a condition\n")

    def test_counters_move_while_clients_send(self):
        self.pair.mint("few", 100)
        storm = self.pair.begin_storm(
            "--tickets", str(self.pair.folder / "few"), "--esp-rate", "2000",
            "--esp-sessions", "20", "--esp-seconds", "4",
        )

        def carried():
            children = [child for row in self.rows() for child in row["children"]]
            return sorted((child["packets_in"] for child in children), reverse=True)[:20]

        self.wait_until(lambda: min(carried(), default=0) > 5, "20 clients send")
        before = sum(carried())
        self.wait_until(lambda: sum(carried()) > before + 200, "and go on")
        self.assertEqual(self.pair.ended(storm)["back"], 100)

    def test_one_is_closed_by_its_identity_and_its_ticket_dies(self):
        self.resume("--save-tickets", str(self.pair.folder / "new"))
        one = self.rows()[CLIENTS // 3]
        out, err = self.ctl("terminate", "--identity", one["remote_id"])
        self.assertEqual((out, err), ("closing 1 IKE SA(s)\n", ""))
        # It leaves its worker, gets a Delete that nobody answers here, and is gone.
        self.wait_until(lambda: not self.rows("--ike", one["ike"]), "it is gone")
        self.assertEqual(len(self.rows()), CLIENTS - 1)
        self.assertEqual(self.ctl("terminate", "--ike", one["ike"])[0], "closing 0 IKE SA(s)\n")
        found = self.pair.storm("new")
        self.assertEqual((found["resumed"], found["nacks"]), (CLIENTS - 1, 1))

    def test_all_of_a_worker_are_closed_in_batches(self):
        self.pair.mint("more", CLIENTS)
        self.resume("--no-echo")
        self.resume("--no-echo", bag="more")
        self.assertEqual(self.ctl("terminate", "--worker", "0")[0],
                         f"closing {2 * CLIENTS} IKE SA(s)\n")
        self.wait_until(lambda: not self.rows(), "all are gone")
        counters = {}
        for line in self.ctl("--json", "counters")[0].splitlines():
            counter = json.loads(line)
            counters[counter["name"]] = counter["value"]
        self.assertEqual(counters["recalled"], 2 * CLIENTS)
        self.assertEqual(counters["control.tickets_revoked"], 2 * CLIENTS)
        self.assertEqual(counters["control.recalls_lost"], 0)

    def test_a_worker_that_is_none_is_refused(self):
        _, err = self.ctl("list-sas", "--worker", "1", status=1)
        self.assertIn("there is no worker 1", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
