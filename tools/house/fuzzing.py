"""Runs the fuzzers of a build for a while, side by side, and the canary that has to be found."""

import concurrent.futures
import os
import pathlib
import re
import subprocess

from builds import ROOT, Build
from test_log import Case

_HERE = ROOT / "tests" / "fuzz"
_GROWN = ROOT / "build" / "fuzz"  # what the fuzzers found out; seeds that earn it move to tests/


def _command(name: str, program: pathlib.Path, seconds: int) -> list[str]:
    grown = _GROWN / "corpus" / name
    findings = _GROWN / "findings"
    grown.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    seeds = _HERE / "corpus" / name
    words = next((d for d in (_HERE / f"{name}.dict", _HERE / "ike.dict") if d.exists()), None)
    return [
        str(program),
        f"-max_total_time={seconds}",
        "-timeout=10",
        "-rss_limit_mb=3000",
        "-print_final_stats=1",
        f"-artifact_prefix={findings}/{name}-",
        *([f"-dict={words}"] if words else []),
        str(grown),
        *([str(seeds)] if seeds.exists() else []),
    ]


def _run(name: str, program: pathlib.Path, seconds: int, environment: dict) -> tuple[int, str]:
    done = subprocess.run(
        _command(name, program, seconds),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=environment, timeout=seconds * 3 + 120, check=False,
    )
    return done.returncode, done.stdout


def _last_number(pattern: str, text: str) -> str:
    found = re.findall(pattern, text)
    return found[-1] if found else "?"


def run(build: Build, seconds: int, environment: dict) -> list[Case]:
    """One case per fuzzer. A finding is kept under build/fuzz/findings and its report is shown."""
    programs = sorted(build.programs().items())
    fuzzers = {n.removesuffix("_fuzz"): p for n, p in programs if n.endswith("_fuzz")}
    canary = fuzzers.pop("canary", None)
    print(f"{len(fuzzers)} fuzzers, {seconds} s each", flush=True)
    cases = [_canary(canary, environment)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {n: pool.submit(_run, n, p, seconds, environment) for n, p in fuzzers.items()}
        for name, job in jobs.items():
            try:
                status, output = job.result()
            except subprocess.TimeoutExpired:
                status, output = 1, "did not end in time"
            runs = _last_number(r"stat::number_of_executed_units: (\d+)", output)
            edges = _last_number(r"cov: (\d+)", output)
            print(f"  {name:24} {runs:>9} runs, {edges:>5} edges", flush=True)
            if status == 0:
                cases.append(Case(f"fuzz {name}", "passed"))
            else:
                print("\n".join(output.splitlines()[-60:]), flush=True)
                cases.append(Case(f"fuzz {name}", "failed", "see build/fuzz/findings"))
    return cases


def _canary(program: pathlib.Path | None, environment: dict) -> Case:
    if program is None:
        return Case("fuzz canary", "failed", "the build has no canary")
    status, output = _run("canary", program, 60, environment)
    if status != 0 and "heap-buffer-overflow" in output:
        return Case("fuzz canary", "passed")
    return Case("fuzz canary", "failed", "its overflow went unseen: fuzzers or ASan are broken")
