"""How each figure is measured: one small function each, and the table of what is asked."""

import functools
import json
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import bench
import check
import crypto_perf
import exactly_once as replay
import isolation
from builds import RELEASE, ROOT
from children import ChildError

# Program, benchmark, repetitions; all with AES-GCM-256 and HMAC-SHA-256. Those of resume_bench
# repeat what they time, interleaved with their rivals, and report medians themselves.
RESUME = ("resume_bench", "resume/in_process", 1)
SCALING = ("resume_bench", "resume/scaling", 1)
ESP_STORM = ("esp_storm_bench", "esp/during_storm/50", 3)
FORGED = ("refuse_bench", "refuse/bad_tag", 5)
# ESP by AES-GCM-256, inner packets of 1,420 octets or IMIX, 1,000 Child SAs.
ESP_WAYS = ("in", "out", "relay")
ESP_1420 = tuple(("esp_bench", f"esp/{way}/1420/1000", 3) for way in ESP_WAYS)
ESP_IMIX = tuple(("esp_bench", f"esp/{way}/0/1000", 3) for way in ESP_WAYS)
ESP_SCALING = ("esp_bench", "esp/scaling/1420", 3)
# What the figures run; demo.py builds the one that it needs besides.
PROGRAMS = (
    "resurged", "resurge-keys", "resurgectl", "resurge-storm", RESUME[0], FORGED[0],
    ESP_SCALING[0], ESP_STORM[0],
)
XFRM_SHIM = "tests/interop/xfrm_shim.so"  # what interop wants besides
DEMO_CLIENTS = 100_000
STORM_CLIENTS = 500_000
HANDSHAKE_CLIENTS = 20_000
LIBRESWAN_RESUMPTION_US = 1750  # CPU of libreswan 5.2's responder for one, both exchanges


class Figure(NamedTuple):
    relation: str  # of the measured value to the bound: >=, <= or =
    bound: float
    unit: str
    command: str
    measure: Callable[[], float]


def prepare(setup: bool) -> None:
    if setup and subprocess.run(
        [str(ROOT / "tools/setup"), "--run"], stdout=sys.stderr, check=False
    ).returncode:
        raise ChildError("the packages above are needed")
    RELEASE.configure()
    RELEASE.compile_programs(*PROGRAMS)
    RELEASE.compile(XFRM_SHIM)


@functools.cache
def _counters(program: str, name: str, repetitions: int) -> dict[str, float]:
    found = bench.run(RELEASE.programs()[program], f"^{name}(/|$)", repetitions)
    return next(iter(found.values()))


@functools.cache
def _demo(clients: int, *options: str) -> dict:
    command = [str(ROOT / "tools/demo"), "--no-setup", "--clients", str(clients), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        raise ChildError(f"tools/demo ended with {done.returncode}\n{done.stderr}") from None


def demo_resumed() -> float:
    return _demo(DEMO_CLIENTS)["resumed"]


def demo_back() -> float:
    return _demo(DEMO_CLIENTS)["back"]


def esp_during_storm() -> float:
    return _counters(*ESP_STORM)["goodput_percent"]


def resume_two_processes() -> float:
    return isolation.resumptions(STORM_CLIENTS)


def handshakes_psk() -> float:
    return isolation.handshakes_psk(HANDSHAKE_CLIENTS)


def resume_vs_handshake_cpu() -> float:
    return _demo(HANDSHAKE_CLIENTS, "--no-echo")["ratio"]


def resume_vs_libreswan_cpu() -> float:
    found = _demo(HANDSHAKE_CLIENTS, "--no-echo")
    return LIBRESWAN_RESUMPTION_US / found["cpu_us_per_resumption"]


def interop() -> float:
    """Cases of tests/interop that failed or were skipped."""
    cases = check.run_tests(RELEASE, "--suite", "interop")
    return len(cases) - check.count(cases, "passed")


def resume_in_process() -> float:
    return _counters(*RESUME)["resumptions_per_second"]


def resume_vs_pure_crypto() -> float:
    return 100 * _counters(*RESUME)["vs_pure"]


def resume_vs_openssl() -> float:
    return _counters(*RESUME)["vs_openssl"]


def refuse_forged() -> float:
    return _counters(*FORGED)["items_per_second"]


def scaling_1m() -> float:
    return _counters(*SCALING)["ratio"]


def session_bytes() -> float:
    return _counters(*SCALING)["bytes_per_session"]


def ticket_bytes() -> float:
    return _counters(*SCALING)["ticket_octets"]


def esp_vs_ceiling_1420() -> float:
    """Of the bare IPsec-MB calls; the way that is farther from them counts."""
    return 100 * min(_counters(*case)["vs_raw"] for case in ESP_1420)


def esp_vs_crypto_perf() -> float:
    ceiling = crypto_perf.rate(1420)
    return 100 * _counters(*ESP_1420[0])["packets_per_second"] / ceiling


def esp_imix() -> float:
    return min(_counters(*case)["packets_per_second"] for case in ESP_IMIX)


def esp_scaling_100k() -> float:
    return 100 * _counters(*ESP_SCALING)["ratio"]


def exactly_once() -> float:
    """Second establishments plus genuine clients refused, over kill -9 and restart."""
    return sum(replay.measure(replays=1_000_000, genuine=100_000).values())


def _bench_command(program: str, name: str, _repetitions: int) -> str:
    return f"build/release/bench/{program} --benchmark_filter={name}"


FIGURES = {
    "demo_resumed": Figure(
        "=", DEMO_CLIENTS, "clients resumed", f"tools/demo --clients {DEMO_CLIENTS}", demo_resumed
    ),
    "demo_back": Figure(
        "=", DEMO_CLIENTS, "of them with an echo through their tunnel",
        f"tools/demo --clients {DEMO_CLIENTS}", demo_back,
    ),
    "resume_in_process": Figure(
        ">=", 250_000, "resumptions a second, one core",
        _bench_command(*RESUME), resume_in_process,
    ),
    "resume_vs_pure_crypto": Figure(
        ">=", 75, "% of the rate of the pure crypto chain",
        _bench_command(*RESUME), resume_vs_pure_crypto,
    ),
    "resume_vs_openssl": Figure(
        ">=", 1.8, "times the rate of the bare crypto with OpenSSL",
        _bench_command(*RESUME), resume_vs_openssl,
    ),
    "resume_two_processes": Figure(
        ">=", 120_000, "resumptions a second, one core each",
        "tools/figures resume_two_processes", resume_two_processes,
    ),
    "refuse_forged": Figure(
        ">=", 3_000_000, "forged tickets refused a second, one core",
        _bench_command(*FORGED), refuse_forged,
    ),
    "scaling_1m": Figure(
        "<=", 1.5, "times the cycles at 10,000 sessions, at 1,000,000",
        _bench_command(*SCALING), scaling_1m,
    ),
    "session_bytes": Figure(
        "<=", 1024, "octets for a resumed session", _bench_command(*SCALING), session_bytes
    ),
    "ticket_bytes": Figure(
        "<=", 256, "octets of a ticket, IDs of 32 octets", _bench_command(*SCALING), ticket_bytes
    ),
    "esp_vs_ceiling_1420": Figure(
        ">=", 60, "% of the rate of the bare IPsec-MB calls, ESP of 1,420 octets, 1,000 SAs",
        "build/release/bench/esp_bench --benchmark_filter='esp/(in|out|relay)/1420/1000'",
        esp_vs_ceiling_1420,
    ),
    "esp_vs_crypto_perf": Figure(
        ">=", 100, "% of the rate of dpdk-test-crypto-perf, ESP in of 1,420 octets, 1,000 SAs",
        "tools/figures esp_vs_crypto_perf", esp_vs_crypto_perf,
    ),
    "esp_imix": Figure(
        ">=", 1_500_000, "ESP packets (IMIX) a second, one core, 1,000 SAs",
        "build/release/bench/esp_bench --benchmark_filter='esp/(in|out|relay)/0/1000'", esp_imix,
    ),
    "esp_scaling_100k": Figure(
        ">=", 60, "% of the rate with 1,000 SAs left with 100,000 SAs, 1,420 octets",
        _bench_command(*ESP_SCALING), esp_scaling_100k,
    ),
    "exactly_once": Figure(
        "=", 0, "of 1,000,000 replays and 100,000 new tickets answered wrong after kill -9",
        "tools/figures exactly_once", exactly_once,
    ),
    "handshakes_psk": Figure(
        ">=", 5_000, "full handshakes (PSK, X25519) in a second of the control thread's CPU",
        "tools/figures handshakes_psk", handshakes_psk,
    ),
    "resume_vs_handshake_cpu": Figure(
        ">=", 25, "resumptions for the CPU of one full handshake",
        f"tools/demo --clients {HANDSHAKE_CLIENTS} --no-echo", resume_vs_handshake_cpu,
    ),
    "resume_vs_libreswan_cpu": Figure(
        ">=", 400, "resumptions for the CPU of one of libreswan 5.2 (1.75 ms)",
        f"tools/demo --clients {HANDSHAKE_CLIENTS} --no-echo", resume_vs_libreswan_cpu,
    ),
    "isolation_resume": Figure(
        ">=", 90, "% of its peak rate left for resumption under handshakes at 10 times capacity",
        "tools/figures isolation_resume", isolation.resumption_under_handshakes,
    ),
    "isolation_handshake": Figure(
        ">=", 500, "full handshakes a second beside resumption at capacity",
        "tools/figures isolation_handshake", isolation.handshakes_under_resumption,
    ),
    "half_open_flood": Figure(
        "<=", 1, "s until the slowest client is in, 1,000,000 invented sources flooding",
        "tools/figures half_open_flood", isolation.way_in_through_flood,
    ),
    "esp_during_storm": Figure(
        ">=", 80, "% of the ESP of live sessions without a storm, with one of twice the capacity",
        _bench_command(*ESP_STORM), esp_during_storm,
    ),
    "interop": Figure(
        "=", 0, "cases with strongSwan and libreswan failed or skipped",
        "meson test -C build/release --suite interop", interop,
    ),
}
