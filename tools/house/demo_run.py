"""One demonstration: its steps, and what is told about them."""

import argparse
import csv
import pathlib
import time

import bench
from builds import RELEASE
from children import ChildError, Children, usable_cpus
from pair import Pair, WorkerClock

# As many as make full bursts on both sides; more would only wait longer.
WINDOW = 256
# Full handshakes: a few keep the control thread busy. What the workers shed comes back soon.
CONNECT = ("--window", "32", "--retry-ms", "100")
# Clients that are connecting when the gateway is killed, and for how long they have been.
LATE_CLIENTS = 200_000
LATE_SECONDS = 1.0


class DemoRun:
    def __init__(self, folder: pathlib.Path, children: Children, options: argparse.Namespace):
        self._options = options
        self._programs = RELEASE.programs()
        self._pair = Pair(
            folder, children, self._programs, sessions=2 * options.clients,
            negotiated=options.clients + LATE_CLIENTS,
        )
        self._pure_ns = 0.0
        self._connect: dict = {}
        self._connect_cpu_s = self._resume_cpu_s = 0.0
        self._late = 0
        self._stats: dict = {}
        self._storm: dict = {}
        self._echo = () if not options.no_echo else ("--no-echo",)

    def measure_pure_crypto(self) -> None:
        """On the worker's core, over more sessions than its cache holds."""
        name = "chain_mb/sha256/lanes:32/pool:4096"
        found = bench.run(self._programs["pure_chain_bench"], f"^{name}$", repetitions=3)
        self._pure_ns = 1e9 / found[name]["items_per_second"]
        print(f"{self._pure_ns:,.0f} ns, by the chain of bench/pure_chain.h")

    def start_gateway(self) -> None:
        self._pair.start_gateway()
        how = "with hugepages" if self._pair.with_hugepages else "without hugepages"
        print(f"resurged is ready, worker on CPU {self._pair.worker_cpu}, {how}")
        if len(usable_cpus()) == 1:
            print("one CPU for both programs: expect a slow storm")

    def connect(self) -> None:
        """Every client by a full handshake; each keeps its ticket."""
        clients = self._options.clients
        clock = WorkerClock(self._pair)
        before = self._pair.control_cpu_s()
        self._connect = self._pair.connect(
            clients, *CONNECT, *self._echo, "--timeout", str(120 + clients // 500),
            "--save-tickets", str(self._pair.folder / "tickets"), shown=True,
        )
        control_s = self._pair.control_cpu_s() - before
        if self._connect["connected"] != clients:
            raise ChildError(f"not every client connected: {self._connect['outcomes']}")
        self._connect_cpu_s = control_s + clock.read()["ike_s"]

    def crash(self) -> None:
        """kill -9 while further clients connect as fast as the gateway answers."""
        storm = self._pair.begin_connecting(
            LATE_CLIENTS, "--identity", "late-%07u@storm.example", "--source", "198.18.128.0/17",
            *CONNECT, *self._echo, "--quiet",
        )
        before = self._pair.control_cpu_s()
        while self._pair.control_cpu_s() - before < 0.1 and storm.poll() is None:
            time.sleep(0.01)
        time.sleep(LATE_SECONDS)
        self._pair.kill_gateway()
        storm.terminate()
        self._late = self._pair.ended(storm)["connected"]
        print(f"{self._late:,} more had connected and were left without a gateway, too")

    def restart(self) -> None:
        """The gateway once more, and at the same moment every client that holds a ticket."""
        options = self._options
        options.report.parent.mkdir(parents=True, exist_ok=True)
        load = ["--rate", str(options.rate)] if options.rate else ["--window", str(WINDOW)]
        self._pair.start_gateway(wait=False)
        self._storm = self._pair.storm(
            "tickets", *load, *self._echo, "--csv", str(self._pair.folder / "curve.csv"),
            "--report", str(options.report), shown=True,
        )
        self._resume_cpu_s = WorkerClock(self._pair, since_start=True).read()["ike_s"]

    def stop_gateway(self) -> None:
        self._stats = self._pair.stop_gateway()

    def curves(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Clients that are up and that are back; the latter empty without echoes."""
        with (self._pair.folder / "curve.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        up, back = (
            [(float(r["time_s"]), float(r[name])) for r in rows] for name in ("up", "back")
        )
        return up, [] if self._options.no_echo else back

    def wrong_auth(self) -> int:
        return self._connect["wrong_auth"] + self._storm["wrong_auth"]

    def complete(self) -> bool:
        clients = self._options.clients
        resumed = self._storm["resumed"] == self._storm["address_kept"] == clients
        echoes = self._options.no_echo or self._storm["back"] == self._connect["back"] == clients
        return resumed and echoes and self.wrong_auth() == 0

    def outcomes(self) -> str:
        told = self._storm["outcomes"].items()
        drops = self._stats["total"]["drops"].items()
        lines = [f"  clients  {name:24} {count:>10,}" for name, count in told if count]
        lines.append(f"  clients  {'address changed':24} {self._storm['address_changed']:>10,}")
        return "\n".join(lines + [f"  drops    {n:24} {c:>10,}" for n, c in drops if c])

    def result(self) -> dict:
        storm, connect = self._storm, self._connect
        cycles_per_us = self._stats["tsc_hz"] / 1e6
        handshake_us = 1e6 * self._connect_cpu_s / max(connect["connected"], 1)
        resumption_us = 1e6 * self._resume_cpu_s / max(storm["resumed"], 1)
        cycles = resumption_us * cycles_per_us
        since_exec = {
            f"{name}_resumed_s": round(storm[f"{name}_up_unix_s"] - self._pair.started_unix_s, 3)
            for name in ("first", "last")
        }
        return {
            "clients": self._options.clients,
            "resumed": storm["resumed"],
            "seconds": round(storm["seconds"], 3),
            "resumptions_per_second": round(storm["resumptions_per_second"]),
            "worker_cycles_per_resumption": round(cycles),
            "pure_crypto_cycles_per_resumption": round(self._pure_ns * cycles_per_us / 1e3),
            "p50_us": round(storm["p50_us"], 1),
            "p99_us": round(storm["p99_us"], 1),
            "retransmissions": storm["retransmissions"],
            "handshakes": connect["connected"],
            "handshake_seconds": round(connect["seconds"], 3),
            "handshakes_per_second": round(connect["handshakes_per_second"]),
            "cpu_us_per_handshake": round(handshake_us, 2),
            "cpu_us_per_resumption": round(resumption_us, 3),
            "ratio": round(handshake_us / max(resumption_us, 1e-9), 1),
            **since_exec,
            "addresses_kept": storm["address_kept"],
            **self._back(),
        }

    def _back(self) -> dict:
        """What the echoes through the tunnels add."""
        if self._options.no_echo:
            return {}
        storm = self._storm
        last_s = storm["last_back_unix_s"] - self._pair.started_unix_s
        return {
            "back": storm["back"],
            "back_seconds": round(storm["back_seconds"], 3),
            "back_extra_seconds": round(storm["back_extra_seconds"], 6),
            "back_p50_us": round(storm["back_p50_us"], 1),
            "back_p99_us": round(storm["back_p99_us"], 1),
            "echo_p50_us": round(storm["echo_p50_us"], 1),
            "last_back_s": round(last_s, 3),
            "handshakes_back": self._connect["back"],
            "echoes_repeated": storm["echo_repeated"],
        }

    def phases(self) -> list[tuple[str, str, str]]:
        """What, of the full handshakes, of the resumptions."""
        found = self.result()
        connect, storm = self._connect, self._storm
        return [
            ("", "full handshake", "resumption"),
            ("sessions, AUTH right both ways", f"{found['handshakes']:,}", f"{found['resumed']:,}"),
            ("seconds", f"{found['handshake_seconds']:,.3f}", f"{found['seconds']:,.3f}"),
            ("sessions a second", f"{found['handshakes_per_second']:,}",
             f"{found['resumptions_per_second']:,}"),
            ("CPU of the gateway for one, us", f"{found['cpu_us_per_handshake']:,.1f}",
             f"{found['cpu_us_per_resumption']:,.2f}"),
            ("median latency, us", f"{connect['p50_us']:,.0f}", f"{storm['p50_us']:,.0f}"),
            ("99 of 100 within, us", f"{connect['p99_us']:,.0f}", f"{storm['p99_us']:,.0f}"),
            ("requests sent again", f"{connect['retransmissions']:,}",
             f"{storm['retransmissions']:,}"),
            *self._phases_back(),
        ]

    def _phases_back(self) -> list[tuple[str, str, str]]:
        if self._options.no_echo:
            return []
        both = (self._connect, self._storm)

        def row(name: str, key: str, form: str) -> tuple[str, str, str]:
            return (name, *(format(found[key], form) for found in both))

        return [
            row("back: echo through the tunnel", "back", ","),
            row("seconds until all are back", "back_seconds", ",.3f"),
            row("  after the last session, s", "back_extra_seconds", ",.6f"),
            row("median until back, us", "back_p50_us", ",.0f"),
            row("median of the echo alone, us", "echo_p50_us", ",.0f"),
        ]

    def rows(self) -> list[tuple[str, str]]:
        found = self.result()
        worker = found["worker_cycles_per_resumption"]
        pure = found["pure_crypto_cycles_per_resumption"]
        return [
            ("a full handshake costs as much CPU as", f"{found['ratio']:,.1f} resumptions"),
            ("clients with the address they had", f"{found['addresses_kept']:,}"),
            ("wrong AUTH", f"{self.wrong_auth():,}"),
            ("from exec to the first resumption", f"{found['first_resumed_s']:,.3f} s"),
            ("from exec to the last", f"{found['last_resumed_s']:,.3f} s"),
            *(
                [] if self._options.no_echo
                else [("from exec to the last echo", f"{found['last_back_s']:,.3f} s")]
            ),
            ("TSC cycles of the worker for one", f"{worker:,}"),
            ("of these pure cryptography", f"{pure:,} ({100 * pure / max(worker, 1):.0f} %)"),
        ]
