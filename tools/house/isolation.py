"""What full handshakes, resumptions and floods do to each other at one gateway.

Each measurement is a gateway and a load generator as in pair.py. One core of clients is no match
for a worker, so what a flood takes away is told in the worker's time and not in answers a second.
"""

import contextlib
import pathlib
import tempfile
import time
from collections.abc import Iterator

from builds import RELEASE
from children import ChildError, Children
from pair import Pair, WorkerClock

WINDOW = ("--window", "256")
CONNECT = ("--window", "32", "--retry-ms", "100")
# Handshakes whose key pair is shared by many clients, so that one core of them saturates a gateway.
CHEAP_KEYS = ("--reuse-ke", "100000")
NEGOTIATED_MAX = 262_144  # more than can connect while a measurement lasts
FLOOD_FACTOR = 10  # times the capacity
GROWTH_MIB_MAX = 128  # of a gateway that is flooded with half-open handshakes


@contextlib.contextmanager
def _running(sessions: int, **settings) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="resurge-isolation-") as name:
        folder = pathlib.Path(name)
        with Children(folder) as children:
            pair = Pair(
                folder, children, RELEASE.programs(), sessions=sessions,
                negotiated=NEGOTIATED_MAX, **settings,
            )
            pair.start_gateway()
            yield pair


def handshakes_psk(clients: int = 20_000) -> float:
    """Full handshakes that the control plane does in a second of one core."""
    with _running(2 * clients) as pair:
        before = pair.control_cpu_s()
        found = pair.connect(clients, *CONNECT, *CHEAP_KEYS, "--no-echo")
        used = pair.control_cpu_s() - before
    if found["connected"] != clients:
        raise ChildError(f"not every client connected: {found['outcomes']}")
    return clients / used


def resumptions(clients: int) -> float:
    """Resumptions a second of two processes with minted tickets."""
    with _running(2 * clients) as pair:
        return _resume(pair, clients)["resumptions_per_second"]


def _resume(pair: Pair, clients: int, *options: str) -> dict:
    pair.mint("tickets", clients)
    found = pair.storm("tickets", *WINDOW, "--no-echo", *options)
    if found["resumed"] != clients:
        raise ChildError(f"not every client resumed: {found['outcomes']}")
    return found


def resumption_under_handshakes(clients: int = 500_000, capacity: int = 5_000) -> float:
    """% of its peak rate of resumptions that a worker could still reach while 10 times as many
    handshakes are begun as can be done: what the flood leaves of the worker's time."""
    with _running(4 * clients, cookies_above=1000) as pair:
        # Minted tickets are of the same clients every time: both that count replace sessions.
        _resume(pair, clients)
        clock = WorkerClock(pair)
        _resume(pair, clients)
        quiet_s = clock.read()["busy_s"]
        flood = (
            *pair.connecting(2_000_000), *CHEAP_KEYS, "--connect-rate",
            str(FLOOD_FACTOR * capacity), "--connect-window", "65536",
        )
        clock = WorkerClock(pair)
        found = _resume(pair, clients, *flood)
        flooded = clock.read()
    begun = found["beside"]["messages_sent"] / found["seconds"]
    if begun < FLOOD_FACTOR * capacity / 2:
        raise ChildError(f"the generator sent only {begun:,.0f} requests of handshakes a second")
    # Of the time that the worker had its CPU.
    return 100 * (1 - (flooded["busy_s"] - quiet_s) / (found["seconds"] * flooded["share"]))


def handshakes_under_resumption(clients: int = 1_000_000) -> float:
    """Full handshakes a second that succeed while clients resume as fast as they can."""
    with _running(4 * clients) as pair:
        beside = (*pair.connecting(100_000), "--connect-rate", "1000", "--connect-window", "4096")
        found = _resume(pair, clients, *beside)
    return found["beside"]["connected"] / found["seconds"]


def way_in_through_flood(rate: int = 100_000, seconds: float = 10) -> float:
    """Seconds until the slowest of some genuine clients is in, while half-open handshakes are begun
    from 1,000,000 invented sources; with cookies, and in bounded memory."""
    clients = 100
    with _running(10_000, half_opens=8192, cookies_above=1000) as pair:
        pair.connect(clients, *CONNECT, "--no-echo")  # everything that is made at first use
        before = pair.resident_mib()
        found = pair.connect(
            clients, "--rate", str(round(clients / seconds)), "--identity", "genuine-%u.example",
            "--flood-sa-init", str(rate), "--flood-sources", "1000000", "--no-echo",
        )
        growth = pair.resident_mib() - before
        time.sleep(0.25)
        cookies = pair.stats()["total"]["cookies_sent"]
    if found["connected"] != clients:
        raise ChildError(f"not every genuine client connected: {found['outcomes']}")
    if found["flooded"] < 0.9 * rate * (seconds - 1) or cookies == 0:
        raise ChildError(f"{found['flooded']} requests of the flood, {cookies} cookies: no flood")
    if growth > GROWTH_MIB_MAX:
        raise ChildError(f"the gateway grew by {growth:.0f} MiB")
    return found["max_us"] / 1e6
