"""A gateway and a load generator on one machine, joined by a shared-memory port or another wire.

The folder given holds everything: configuration, keyring, state, tickets, logs, results. Nothing
outside of it is touched, and no hugepages, NIC or network namespace are needed.
"""

import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import time
from typing import NamedTuple

from children import ChildError, Children, run, usable_cpus

READY_SECONDS = 60
HUGEPAGE_MIB_NEEDED = 1024  # for both programs; with fewer they go without
# Of the worker loop, what packets in tunnels cost.
ESP_STAGES = ("find_esp", "open_esp", "decapsulate", "deliver", "encapsulate", "seal_esp")
# The gateway answers echo requests at its own addresses, which are those of CONFIG.
ECHO_TO = ("--echo-to", "192.0.2.1", "--echo-to", "2001:db8::1")
HUGEPAGE_EAL = ["--in-memory", "--single-file-segments", "-m", "256"]

CONFIG = """\
# One worker, a shared-memory port, room for every client of the generator.
[dpdk]
eal = {eal}
hugepages = "{hugepages}"
workers = 1
main_cpu = {main_cpu}
worker_cpus = [{worker_cpu}]

[outside]
device = "{device}"
addresses = ["192.0.2.1", "2001:db8::1"]
rx_descriptors = 1024
tx_descriptors = 1024

[sessions]
max = {sessions}
children_max = {negotiated}

[admission]
half_open_max = {half_opens}
cookie_on_half_opens = {cookies_above}
half_open_per_prefix = 0             # all clients of the generator come from few prefixes
answers_per_source_per_s = 4000000

[tickets]
keyring = "{folder}/keyring"
state_dir = "{folder}/state"

[pools]
ipv4 = "10.0.0.0-10.63.255.255"

[secrets.ike-storm]
secret_file = "{folder}/psk"

[connections.storm]

[stats]
every = "100ms"
"""


def free_hugepages_mib() -> int:
    total = 0
    for folder in pathlib.Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB"):
        size_kib = int(re.sub(r"\D", "", folder.name))
        total += int((folder / "free_hugepages").read_text()) * size_kib // 1024
    return total


class Wire(NamedTuple):
    """The DPDK devices of the two programs; {folder} stands for the folder of the pair."""

    gateway: str
    storm: str


SHARED_MEMORY = Wire(
    "net_vhost0,iface={folder}/port.sock,queues=1",
    "net_virtio_user0,path={folder}/port.sock,queues=1,queue_size=1024",
)


class WorkerClock:
    """The worker's CPU time on work: its counter of busy cycles, which is of the TSC and runs on
    while something else has the CPU, times the share of that time in which the kernel let the
    thread run. On a quiet machine that share is 1. Since the clock was made, or the gateway was."""

    def __init__(self, pair: "Pair", since_start: bool = False):
        self._pair = pair
        zero = {"ran": 0.0, "waited": 0.0, "busy": 0.0, "ike": 0.0}
        self._before = zero if since_start else self._read()

    def read(self) -> dict:
        """CPU seconds on IKE and on everything, and the share."""
        before, now = self._before, self._read()
        ran, waited = (now[name] - before[name] for name in ("ran", "waited"))
        share = ran / (ran + waited) if ran + waited > 0 else 1.0
        return {
            "share": share,
            "ike_s": share * (now["ike"] - before["ike"]),
            "busy_s": share * (now["busy"] - before["busy"]),
        }

    def _read(self) -> dict:
        time.sleep(0.25)  # until the counters are written once more
        stats = self._pair.stats()
        ran, waited = self._pair.worker_ran_waited_s()
        total, hz = stats["total"], stats["tsc_hz"]
        esp = sum(total["stages"][name]["cycles"] for name in ESP_STAGES)
        busy = total["busy_cycles"]
        return {"ran": ran, "waited": waited, "busy": busy / hz, "ike": (busy - esp) / hz}


class Pair:
    def __init__(
        self,
        folder: pathlib.Path,
        children: Children,
        programs: dict[str, pathlib.Path],  # resurged, resurge-keys, resurge-storm
        sessions: int,
        half_opens: int = 65536,
        cookies_above: int = 32768,
        negotiated: int = 65536,  # Child SAs of clients that connect
        wire: Wire = SHARED_MEMORY,
    ):
        self.wire = Wire(*(device.format(folder=folder) for device in wire))
        self.folder = folder
        self.children = children
        self.programs = programs
        cpus = usable_cpus()
        # The generator polls on one CPU and the worker on another. The control thread has a third
        # one for full handshakes where there is one, and else shares the generator's.
        self.storm_cpu, self.worker_cpu = cpus[0], cpus[-1]
        self.control_cpu = cpus[1] if len(cpus) > 2 else cpus[0]
        self.with_hugepages = free_hugepages_mib() >= HUGEPAGE_MIB_NEEDED
        self.gateway: subprocess.Popen | None = None
        self.started_unix_s = 0.0  # when the gateway was executed
        (folder / "state").mkdir(mode=0o700)
        eal = ["--no-telemetry", f"--file-prefix={folder.name}"]
        self.config = folder / "gateway.toml"
        self.config.write_text(
            CONFIG.format(
                eal=json.dumps(eal + (HUGEPAGE_EAL if self.with_hugepages else [])),
                hugepages="auto" if self.with_hugepages else "never",
                device=self.wire.gateway, folder=folder,
                main_cpu=self.control_cpu, worker_cpu=self.worker_cpu,
                sessions=max(sessions, 1024), half_opens=half_opens,
                cookies_above=cookies_above, negotiated=negotiated,
            )
        )
        psk = folder / "psk"
        psk.touch(mode=0o600)
        psk.write_text(secrets.token_hex(32))
        self.keys("create", str(folder / "keyring"))

    def keys(self, *arguments: str) -> str:
        return run([str(self.programs["resurge-keys"]), *arguments], "work on keys or tickets")

    def mint(self, bag: str, clients: int) -> str:
        return self.keys(
            "mint", "--config", str(self.config), "--out", str(self.folder / bag),
            "--clients", str(clients),
        ).strip()

    def start_gateway(self, wait: bool = True) -> None:
        # A killed vhost server leaves its socket, and no other can bind to that name.
        (self.folder / "port.sock").unlink(missing_ok=True)
        command = [str(self.programs["resurged"]), str(self.config),
                   "--stats", str(self.folder / "stats.json")]
        self.started_unix_s = time.time()
        self.gateway = self.children.start("resurged", command)
        if wait:
            self.children.wait_for_line("resurged", self.gateway, "READY", READY_SECONDS)

    def control_cpu_s(self) -> float:
        """CPU time of the gateway's control thread so far, which is its main thread."""
        assert self.gateway is not None
        pid = self.gateway.pid
        return int(pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9

    def worker_ran_waited_s(self) -> tuple[float, float]:
        """For how long the worker's thread has run, and for how long it has waited for its CPU: it
        never sleeps."""
        assert self.gateway is not None
        for task in pathlib.Path(f"/proc/{self.gateway.pid}/task").iterdir():
            if "worker" in (task / "comm").read_text():
                ran, waited, _ = map(int, (task / "schedstat").read_text().split())
                return ran / 1e9, waited / 1e9
        raise ChildError("the gateway has no worker thread")

    def resident_mib(self) -> float:
        assert self.gateway is not None
        pages = pathlib.Path(f"/proc/{self.gateway.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def stats(self) -> dict:
        """The gateway's counters, a tenth of a second old at most."""
        return json.loads((self.folder / "stats.json").read_text())

    def kill_gateway(self) -> None:
        """As a crash would: nothing is written, nothing is said."""
        assert self.gateway is not None
        self.gateway.send_signal(signal.SIGKILL)
        self.gateway.wait()

    def stop_gateway(self) -> dict:
        """Its counters, once it has ended."""
        assert self.gateway is not None
        status = self.children.stop("resurged", self.gateway)
        if status != 0:
            raise ChildError(f"resurged ended with {status}\n{self.children.tail('resurged')}")
        return json.loads((self.folder / "stats.json").read_text())

    def storm(
        self, bag: str, *options: str, gateway: str = "192.0.2.1", shown: bool = False
    ) -> dict:
        """Every client of the bag; what the generator found out, whether or not all resumed."""
        bag_options = ("--tickets", str(self.folder / bag))
        return self.ended(self.begin_storm(*bag_options, *options, gateway=gateway, shown=shown))

    def connect(self, clients: int, *options: str, shown: bool = False) -> dict:
        """Full handshakes; what the generator found out, whether or not all connected."""
        return self.ended(self.begin_connecting(clients, *options, shown=shown))

    def begin_connecting(
        self, clients: int, *options: str, shown: bool = False
    ) -> subprocess.Popen:
        return self.begin_storm(*self.connecting(clients), *options, shown=shown)

    def connecting(self, clients: int) -> tuple[str, ...]:
        """The options of clients that connect."""
        return ("--connect", str(clients), "--psk-file", str(self.folder / "psk"))

    def begin_storm(
        self, *options: str, gateway: str = "192.0.2.1", shown: bool = False
    ) -> subprocess.Popen:
        self._result.unlink(missing_ok=True)
        command = [
            str(self.programs["resurge-storm"]),
            "--gateway", gateway,
            "--device", self.wire.storm,
            "--cpu", str(self.storm_cpu),
            "--json", str(self._result),
            *(() if "--no-echo" in options else ECHO_TO),
            *options,
        ]
        if self.with_hugepages:
            command += ["--", "--no-telemetry", *HUGEPAGE_EAL]
        return self.children.start("resurge-storm", command, shown=shown)

    def ended(self, storm: subprocess.Popen) -> dict:
        """Waits for its end; what it found out."""
        status = storm.wait()
        if not self._result.exists():
            told = self.children.tail("resurged") + "\n" + self.children.tail("resurge-storm")
            raise ChildError(f"resurge-storm ended with status {status}\n{told}")
        return json.loads(self._result.read_text())

    @property
    def _result(self) -> pathlib.Path:
        return self.folder / "storm.json"
