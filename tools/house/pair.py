"""A gateway and a load generator on one machine, joined by a shared-memory port.

The folder given holds everything: configuration, keyring, state, tickets, logs, results. Nothing
outside of it is touched, and no hugepages, NIC or network namespace are needed.
"""

import json
import pathlib
import re
import signal
import subprocess

from children import ChildError, Children, run, usable_cpus

READY_SECONDS = 60
HUGEPAGE_MIB_NEEDED = 1024  # for both programs; with fewer they go without
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
device = "net_vhost0,iface={folder}/port.sock,queues=1"
addresses = ["192.0.2.1", "2001:db8::1"]
rx_descriptors = 1024
tx_descriptors = 1024

[sessions]
max = {sessions}

[admission]
half_open_max = {half_opens}
half_open_per_prefix = 0             # all clients of the generator come from few prefixes
answers_per_source_per_s = 4000000

[tickets]
keyring = "{folder}/keyring"
state_dir = "{folder}/state"

[pools]
ipv4 = "10.0.0.0-10.63.255.255"

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


class Pair:
    def __init__(
        self,
        folder: pathlib.Path,
        children: Children,
        programs: dict[str, pathlib.Path],  # resurged, resurge-keys, resurge-storm
        sessions: int,
        half_opens: int = 65536,
    ):
        self.folder = folder
        self.children = children
        self.programs = programs
        cpus = usable_cpus()
        # The generator polls on one CPU and the worker on another; main threads sleep.
        self.storm_cpu, self.worker_cpu = cpus[0], cpus[-1]
        self.with_hugepages = free_hugepages_mib() >= HUGEPAGE_MIB_NEEDED
        self.gateway: subprocess.Popen | None = None
        (folder / "state").mkdir(mode=0o700)
        eal = ["--no-telemetry", f"--file-prefix={folder.name}"]
        self.config = folder / "gateway.toml"
        self.config.write_text(
            CONFIG.format(
                eal=json.dumps(eal + (HUGEPAGE_EAL if self.with_hugepages else [])),
                hugepages="auto" if self.with_hugepages else "never",
                main_cpu=self.storm_cpu, worker_cpu=self.worker_cpu, folder=folder,
                sessions=max(sessions, 1024), half_opens=half_opens,
            )
        )
        self.keys("create", str(folder / "keyring"))

    def keys(self, *arguments: str) -> str:
        return run([str(self.programs["resurge-keys"]), *arguments], "work on keys or tickets")

    def mint(self, bag: str, clients: int) -> str:
        return self.keys(
            "mint", "--config", str(self.config), "--out", str(self.folder / bag),
            "--clients", str(clients),
        ).strip()

    def start_gateway(self) -> None:
        # A killed vhost server leaves its socket, and no other can bind to that name.
        (self.folder / "port.sock").unlink(missing_ok=True)
        command = [str(self.programs["resurged"]), str(self.config),
                   "--stats", str(self.folder / "stats.json")]
        self.gateway = self.children.start("resurged", command)
        self.children.wait_for_line("resurged", self.gateway, "READY", READY_SECONDS)

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
        result = self.folder / "storm.json"
        result.unlink(missing_ok=True)
        command = [
            str(self.programs["resurge-storm"]),
            "--tickets", str(self.folder / bag),
            "--gateway", gateway,
            "--device", f"net_virtio_user0,path={self.folder}/port.sock,queues=1,queue_size=1024",
            "--cpu", str(self.storm_cpu),
            "--json", str(result),
            *options,
        ]
        if self.with_hugepages:
            command += ["--", "--no-telemetry", *HUGEPAGE_EAL]
        status = self.children.start("resurge-storm", command, shown=shown).wait()
        if not result.exists():
            told = self.children.tail("resurged") + "\n" + self.children.tail("resurge-storm")
            raise ChildError(f"resurge-storm ended with status {status}\n{told}")
        return json.loads(result.read_text())
