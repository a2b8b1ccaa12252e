"""One demonstration: its steps, and what is told about them."""

import argparse
import csv
import pathlib

import bench
from builds import RELEASE
from children import Children, usable_cpus
from pair import Pair

# As many as make full bursts on both sides; more would only wait longer.
WINDOW = 256


class DemoRun:
    def __init__(self, folder: pathlib.Path, children: Children, options: argparse.Namespace):
        self._options = options
        self._programs = RELEASE.programs()
        self._pair = Pair(folder, children, self._programs, sessions=2 * options.clients)
        self._pure_ns = 0.0
        self._stats: dict = {}
        self._storm: dict = {}

    def mint(self) -> None:
        print(self._pair.mint("tickets", self._options.clients), flush=True)

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

    def storm(self) -> None:
        options = self._options
        options.report.parent.mkdir(parents=True, exist_ok=True)
        load = ["--rate", str(options.rate)] if options.rate else ["--window", str(WINDOW)]
        self._storm = self._pair.storm(
            "tickets", *load, "--csv", str(self._pair.folder / "curve.csv"),
            "--report", str(options.report), shown=True,
        )

    def stop_gateway(self) -> None:
        self._stats = self._pair.stop_gateway()

    def curve(self) -> list[tuple[float, float]]:
        with (self._pair.folder / "curve.csv").open(newline="") as file:
            return [(float(r["time_s"]), float(r["up"])) for r in csv.DictReader(file)]

    def wrong_auth(self) -> int:
        return self._storm["wrong_auth"]

    def outcomes(self) -> str:
        told = self._storm["outcomes"].items()
        drops = self._stats["total"]["drops"].items()
        lines = [f"  clients  {name:24} {count:>10,}" for name, count in told if count]
        return "\n".join(lines + [f"  drops    {n:24} {c:>10,}" for n, c in drops if c])

    def result(self) -> dict:
        storm = self._storm
        cycles_per_ns = self._stats["tsc_hz"] / 1e9
        return {
            "clients": self._options.clients,
            "resumed": storm["resumed"],
            "seconds": round(storm["seconds"], 3),
            "resumptions_per_second": round(storm["resumptions_per_second"]),
            "worker_cycles_per_resumption": round(self._stats["worker_cycles_per_resumption"]),
            "pure_crypto_cycles_per_resumption": round(self._pure_ns * cycles_per_ns),
            "p50_us": round(storm["p50_us"], 1),
            "p99_us": round(storm["p99_us"], 1),
            "retransmissions": storm["retransmissions"],
        }

    def rows(self) -> list[tuple[str, str]]:
        found = self.result()
        worker = found["worker_cycles_per_resumption"]
        pure = found["pure_crypto_cycles_per_resumption"]
        return [
            ("clients", f"{found['clients']:,}"),
            ("resumed, AUTH right in both directions", f"{found['resumed']:,}"),
            ("wrong AUTH", f"{self.wrong_auth():,}"),
            ("seconds", f"{found['seconds']:,.3f}"),
            ("resumptions a second", f"{found['resumptions_per_second']:,}"),
            ("TSC cycles of the worker for one", f"{worker:,}"),
            ("of these pure cryptography", f"{pure:,} ({100 * pure / max(worker, 1):.0f} %)"),
            ("median latency, both exchanges", f"{found['p50_us']:,.1f} us"),
            ("99 of 100 within", f"{found['p99_us']:,.1f} us"),
            ("requests sent again", f"{found['retransmissions']:,}"),
        ]
