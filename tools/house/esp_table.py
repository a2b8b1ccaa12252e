"""ESP through a worker at every size and number of Child SAs, beside the cryptography alone, as a
table in Markdown for docs/architecture.md. AES-GCM-256 on one core, ns for a packet."""

from collections.abc import Iterator

import bench
import crypto_perf
from builds import RELEASE

PROGRAM = "esp_bench"
WAYS = {"in": ("decrypt",), "out": ("encrypt",), "relay": ("decrypt", "encrypt")}
SAS = (1, 1_000, 100_000, 500_000)
IMIX = {64: 7, 576: 4, 1420: 1}  # as bench/esp_load.h mixes them
SIZES: dict[str, dict[int, int]] = {"64": {64: 1}, "512": {512: 1}, "1420": {1420: 1}, "0": IMIX}


def _ceiling_ns(sizes: dict[int, int], directions: tuple[str, ...]) -> float:
    """What dpdk-test-crypto-perf takes for a packet, on average over the mix."""
    spent = sum(
        count * 1e9 / crypto_perf.rate(size, direction, repetitions=3)
        for size, count in sizes.items()
        for direction in directions
    )
    return spent / sum(sizes.values())


def _row(way: str, argument: str) -> Iterator[str]:
    yield way
    yield "IMIX" if argument == "0" else f"{int(argument):,}"
    for sas in SAS:
        found = bench.run(RELEASE.programs()[PROGRAM], f"^esp/{way}/{argument}/{sas}/", 1)
        values = next(iter(found.values()))
        bare = min(values["kept_ns_each"], values["made_ns_each"])
        yield f"{values['ns_each']:.0f} ({bare:.0f})"
    yield f"{_ceiling_ns(SIZES[argument], WAYS[way]):.0f}"


def print_table() -> None:
    """Line by line as it is measured; it takes some minutes."""
    heads = ["way", "octets", *(f"{sas:,} SA" + "s" * (sas > 1) for sas in SAS), "crypto-perf"]
    print(f"| {' | '.join(heads)} |")
    print("|---" * len(heads) + "|")
    for way in WAYS:
        for argument in SIZES:
            print(f"| {' | '.join(_row(way, argument))} |", flush=True)
