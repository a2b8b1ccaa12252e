"""One demonstration: its files, its two programs, and what is read from them."""

import argparse
import csv
import json
import pathlib
import re
import subprocess

import bench
from builds import RELEASE
from children import ChildError, Children, run, usable_cpus

READY_SECONDS = 60
HUGEPAGE_MIB_NEEDED = 1024  # for both processes; with fewer they go without
HUGEPAGE_EAL = ["--in-memory", "--single-file-segments", "-m", "256"]

CONFIG = """\
# The gateway of tools/demo: one worker, a shared-memory port, room for every client.
[dpdk]
eal = {eal}
hugepages = "{hugepages}"
workers = 1
main_cpu = {main_cpu}
worker_cpus = [{worker_cpu}]

[outside]
device = "net_vhost0,iface={folder}/port.sock,queues=1"
addresses = ["192.0.2.1"]
rx_descriptors = 1024
tx_descriptors = 1024

[sessions]
max = {sessions}

[admission]
half_open_per_prefix = 0  # all clients of the generator come from few prefixes

[tickets]
keyring = "{folder}/keyring"
state_dir = "{folder}/state"

[pools]
ipv4 = "10.0.0.0-10.63.255.255"

[connections.demo]

[stats]
every = "100ms"
"""


def free_hugepages_mib() -> int:
    total = 0
    for folder in pathlib.Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB"):
        size_kib = int(re.sub(r"\D", "", folder.name))
        total += int((folder / "free_hugepages").read_text()) * size_kib // 1024
    return total


class DemoRun:
    def __init__(self, folder: pathlib.Path, children: Children, options: argparse.Namespace):
        self.folder = folder
        self._children = children
        self._options = options
        self._programs = RELEASE.programs()
        self._pure_ns = 0.0
        self._gateway: subprocess.Popen | None = None
        self._stats: dict = {}
        self._storm: dict = {}
        cpus = usable_cpus()
        # The generator polls on one CPU and the worker on another; main threads sleep.
        self._storm_cpu, self._worker_cpu = cpus[0], cpus[-1]
        if len(cpus) == 1:
            print("this machine has one CPU for both processes: expect a slow storm")
        self._with_hugepages = free_hugepages_mib() >= HUGEPAGE_MIB_NEEDED
        self._write_config()

    @property
    def _config(self) -> pathlib.Path:
        return self.folder / "gateway.toml"

    def _program(self, name: str) -> str:
        return str(self._programs[name])

    def _write_config(self) -> None:
        (self.folder / "state").mkdir(mode=0o700)
        eal = ["--no-telemetry", "--file-prefix=resurge-demo-gateway"]
        if self._with_hugepages:
            eal += HUGEPAGE_EAL
        text = CONFIG.format(
            eal=json.dumps(eal),
            hugepages="auto" if self._with_hugepages else "never",
            main_cpu=self._storm_cpu, worker_cpu=self._worker_cpu,
            folder=self.folder, sessions=max(2 * self._options.clients, 1 << 16),
        )
        self._config.write_text(text)

    def mint(self) -> None:
        keys = self._program("resurge-keys")
        run([keys, "create", str(self.folder / "keyring")], "make a keyring")
        mint = [keys, "mint", "--config", str(self._config), "--out",
                str(self.folder / "tickets"), "--clients", str(self._options.clients)]
        print(run(mint, "mint tickets").strip(), flush=True)

    def measure_pure_crypto(self) -> None:
        """On the worker's core, over more sessions than its cache holds."""
        name = "chain_mb/sha256/lanes:32/pool:4096"
        found = bench.run(RELEASE.programs()["pure_chain_bench"], f"^{name}$", repetitions=3)
        self._pure_ns = 1e9 / found[name]["items_per_second"]
        print(f"{self._pure_ns:,.0f} ns, by the chain of bench/pure_chain.h")

    def start_gateway(self) -> None:
        command = [self._program("resurged"), str(self._config), "--stats",
                   str(self.folder / "stats.json")]
        self._gateway = self._children.start("resurged", command)
        self._children.wait_for_line("resurged", self._gateway, "READY", READY_SECONDS)
        how = "with hugepages" if self._with_hugepages else "without hugepages"
        print(f"resurged is ready, worker on CPU {self._worker_cpu}, {how}")

    def storm(self) -> None:
        """In the foreground: its progress is the show."""
        options = self._options
        command = [
            self._program("resurge-storm"),
            "--tickets", str(self.folder / "tickets"),
            "--gateway", "192.0.2.1",
            "--device", f"net_virtio_user0,path={self.folder}/port.sock,queues=1,queue_size=1024",
            "--cpu", str(self._storm_cpu),
            "--rate", str(options.rate or "max"),
            "--csv", str(self.folder / "curve.csv"),
            "--report", str(options.report),
            "--json", str(self.folder / "storm.json"),
        ]
        if self._with_hugepages:
            command += ["--", "--no-telemetry", *HUGEPAGE_EAL]
        options.report.parent.mkdir(parents=True, exist_ok=True)
        status = self._children.start("resurge-storm", command, shown=True).wait()
        result = self.folder / "storm.json"
        if not result.exists():
            raise ChildError(
                f"resurge-storm ended with status {status}\n{self._children.tail('resurged')}"
            )
        self._storm = json.loads(result.read_text())

    def stop_gateway(self) -> None:
        assert self._gateway is not None
        status = self._children.stop("resurged", self._gateway)
        if status != 0:
            raise ChildError(f"resurged ended with {status}\n{self._children.tail('resurged')}")
        self._stats = json.loads((self.folder / "stats.json").read_text())

    def curve(self) -> list[tuple[float, float]]:
        with (self.folder / "curve.csv").open(newline="") as file:
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
