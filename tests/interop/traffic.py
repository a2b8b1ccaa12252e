"""What goes through a tunnel: echoes of all sizes, TCP by iperf3, and what an attacker adds."""

import itertools
import json
import re
import shutil
import subprocess

import net
from attacker import Attacker, EspFrame
from cases import Skipped, check, equal, wait_until
from lab import Lab

PAYLOADS = (64, 512, 1300, 1372, 1400, 1472, 2000, 8000)  # octets after the ICMP header
TCP_SECONDS = 10
INTERVAL_SECONDS = 0.5
_REPORT = ("--json", "-i", str(INTERVAL_SECONDS))
_NOT_LEASED = "10.1.0.200"  # to the client, although of the pool
_NOT_REACHED = "10.98.0.1"  # by clients: not among the gateway's traffic selectors


def ping_all_sizes(source: net.Namespace, *addresses: str) -> None:
    """Each size alone, so that a failure names it."""
    for address, octets in itertools.product(addresses, PAYLOADS):
        # The first may be lost: neighbours get to know each other, a packet that is too big teaches
        # its sender the path's MTU.
        what = f"{octets} octets come back from {address}"
        wait_until(lambda a=address, o=octets: _is_answered(source, a, o, "0.3"), what, 10)
        for _ in range(3):
            check(_is_answered(source, address, octets, "5"), f"{what} each time")


def check_path_mtu(source: net.Namespace, address: str) -> None:
    """Whoever sends what does not fit a tunnel and may not be cut is told what fits."""
    wait_until(lambda: _is_answered(source, address, 64, "0.3"), f"{address} answers", 10)
    dont_cut = ("-M", "do")
    said = _ping(source, address, 1500 - _headers(address), "1", *dont_cut).stdout
    told = re.search(r"mtu ?= ?(\d+)", said)
    check(told is not None, f"{source.name} is told the MTU of the path to {address}\n{said}")
    fits = int(told.group(1)) - _headers(address)
    done = _ping(source, address, fits, "5", *dont_cut)
    check(done.returncode == 0, f"{told.group(1)} octets reach {address}\n{done.stdout}")


def _headers(address: str) -> int:
    """Octets of IP and ICMP."""
    return 48 if ":" in address else 28


def _is_answered(source: net.Namespace, address: str, octets: int, seconds: str) -> bool:
    return _ping(source, address, octets, seconds).returncode == 0


def _ping(
    source: net.Namespace, address: str, octets: int, seconds: str, *more: str
) -> subprocess.CompletedProcess:
    # One at a time: of several, ping waits for the last no longer than it did for the others.
    words = ("ping", "-n", "-c", "1", "-W", seconds, "-s", str(octets), *more, address)
    return subprocess.run(source.command(*words), capture_output=True, text=True, check=False)


class Pings:
    """with Pings(...) as pings: fifty echo requests a second, in the background."""

    _numbers = itertools.count(1)

    def __init__(self, lab: Lab, address: str):
        self._children = lab.children
        self._name = f"ping-{next(self._numbers)}"
        command = lab.net.client.command("ping", "-n", "-i", "0.02", address)
        self._child = lab.children.start(self._name, command)

    def __enter__(self) -> "Pings":
        return self

    def __exit__(self, *_why) -> None:
        self._children.stop(self._name, self._child)

    @property
    def answers(self) -> int:
        return self._children.log(self._name).read_text(errors="replace").count(" bytes from ")

    def go_on(self) -> None:
        """Until a few more were answered."""
        enough = self.answers + 10
        wait_until(lambda: self.answers >= enough, "echoes come back", 10)


class Tcp:
    """iperf3 from the client to the host, both ways at a time."""

    _numbers = itertools.count(1)

    def __init__(self, lab: Lab, device: str):
        """`device`: what the client's packets come out of the tunnel by."""
        if not shutil.which("iperf3"):
            raise Skipped("no iperf3 here; run tools/setup")
        self._children = lab.children
        self._client = lab.net.client
        self._octets = f"/sys/class/net/{device}/statistics/rx_bytes"
        host = lab.net.host
        # JSON here as well, or its report reaches the client as a text.
        lab.children.start("iperf3-server", host.command("iperf3", "-s", *_REPORT))
        wait_until(lambda: ":5201" in host.run("ss", "-Hltn"), "iperf3 listens", 10)

    def start(self, address: str) -> None:
        self._name = f"iperf3-{next(self._numbers)}"
        words = (
            "iperf3", "-c", address, "-t", str(TCP_SECONDS), "--bidir", "--get-server-output",
            *_REPORT,
        )
        self._child = self._children.start(self._name, self._client.command(*words))

    def flow(self, octets: int) -> None:
        """Until as many more have come to the client; iperf3 is not yet done then."""
        enough = self._received() + octets
        wait_until(lambda: self._received() >= enough, f"{octets} octets come", TCP_SECONDS)
        check(self._child.poll() is None, "iperf3 is still running")

    def finish(self) -> str:
        """Octets have arrived in each interval, at both ends; the rates in words."""
        wait_until(lambda: self._child.poll() is not None, "iperf3 ends", TCP_SECONDS + 20)
        report = json.loads(self._children.log(self._name).read_text())
        check("error" not in report, f"iperf3 is content: {report.get('error')}")
        ways = {"client": report["intervals"], "host": report["server_output_json"]["intervals"]}
        told = []
        for way, intervals in ways.items():
            octets = [_arrived(one) for one in intervals]
            told.append(f"{8e-6 * sum(octets) / TCP_SECONDS:.0f} Mbit/s to the {way}")
            # The last interval is whatever was left of the time.
            whole = octets[:round(TCP_SECONDS / INTERVAL_SECONDS)]
            check(
                len(whole) == TCP_SECONDS / INTERVAL_SECONDS and all(whole),
                f"octets arrive at the {way} in each half of a second: {octets}",
            )
        return ", ".join(told)

    def _received(self) -> int:
        return int(self._client.run("cat", self._octets))


def _arrived(interval: dict) -> int:
    return sum(stream["bytes"] for stream in interval["streams"] if not stream["sender"])


def check_attacks(lab: Lab, gateway, address: str) -> None:
    """None of them comes through or disturbs; each is counted by what is wrong with it."""
    with Pings(lab, address) as pings, Attacker(lab.net.client) as attacker:
        heard = attacker.overhear(20)
        moved = gateway.counter("peers_moved")
        attacks = {
            "esp_replayed": heard + [frame.sent_from(net.CLIENT_OTHER) for frame in heard],
            "esp_bad_icv": [frame.forged() for frame in heard],
            "esp_bad_length": [frame.cut(24) for frame in heard],
            "esp_unknown_spi": [frame.of_unknown_spi() for frame in heard],
        }
        for reason, frames in attacks.items():
            _check_dropped(gateway, reason, frames, attacker)
            pings.go_on()
        equal(gateway.counter("peers_moved"), moved, "peers that have moved")


def _check_dropped(gateway, reason: str, frames: list[EspFrame], attacker: Attacker) -> None:
    counter = f"drop.{reason}"
    expected = gateway.counter(counter) + len(frames)
    attacker.send(frames)
    wait_until(lambda: gateway.counter(counter) >= expected, f"{reason} counts {len(frames)}", 5)
    equal(gateway.counter(counter), expected, reason)


def check_dropped_inside(lab: Lab, gateway, device: str) -> None:
    """The client itself sends what its Child SA does not allow, by the device of its tunnel."""
    client = lab.net.client
    client.ip(
        f"addr replace {_NOT_LEASED}/32 dev {device}",
        f"route replace {_NOT_REACHED} dev {device}",
    )
    attacks = {
        "inner_spoofed": ("-I", _NOT_LEASED, net.HOST),
        "inner_not_selected": (_NOT_REACHED,),
    }
    with Pings(lab, net.HOST) as pings:
        for reason, words in attacks.items():
            expected = gateway.counter(f"drop.{reason}") + 3
            ping = ("ping", "-n", "-q", "-c", "3", "-i", "0.1", "-W", "0.2", *words)
            done = subprocess.run(
                client.command(*ping), capture_output=True, text=True, check=False
            )
            check(" 0 received" in done.stdout, f"nobody answers\n{done.stdout}{done.stderr}")
            equal(gateway.counter(f"drop.{reason}"), expected, reason)
            pings.go_on()
