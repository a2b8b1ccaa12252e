"""Builds and tests everything, step by step, and ends with one line of counts.

  release  g++, optimised, warnings are errors; every test
  asan     clang++-19 with ASan and UBSan; every test again
  fuzz     every fuzzer for a while, and the canary that they must find
  tsan     the tests of the seams between threads under TSan
  lint     clang-tidy over everything (not part of the default: slow)

Build folders stay in build/ and are brought up to date, not rebuilt. Status 0 when nothing failed
and nothing was skipped without a reason.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time

import fuzzing
import test_log
from builds import ASAN, RELEASE, ROOT, TSAN, Build, BuildError
from test_log import Case

DEFAULT_STEPS = ("release", "asan", "fuzz", "tsan")
# Tests that run for half a minute at most are given this many times as long before they are ended.
TIMEOUT_MULTIPLIER = {"release": 4, "asan": 10, "tsan": 10}


def sanitizer_environment() -> dict[str, str]:
    symbolizer = shutil.which("llvm-symbolizer-19") or ""
    return os.environ | {
        "ASAN_OPTIONS": "strict_string_checks=1:check_initialization_order=1:"
        "detect_stack_use_after_return=1",
        "LSAN_OPTIONS": f"print_suppressions=0:suppressions={ROOT}/tools/house/lsan.supp",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "second_deadlock_stack=1",
        "ASAN_SYMBOLIZER_PATH": symbolizer,
        "TSAN_SYMBOLIZER_PATH": symbolizer,
    }


def run_tests(build: Build, *names: str) -> list[Case]:
    """Every test of the build, or the named ones; each program's cases are counted."""
    command = [
        "meson", "test", "-C", str(build.folder), "--no-rebuild", "--print-errorlogs",
        "--timeout-multiplier", str(TIMEOUT_MULTIPLIER[build.name]), *names,
    ]
    log = build.folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    environment = dict(os.environ) if build is RELEASE else sanitizer_environment()
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    cases = test_log.read(build.folder) if log.exists() else []
    if not cases:
        cases.append(Case(f"tests of {build.name}", "failed", "no test ran"))
    elif status != 0 and not any(c.outcome == "failed" for c in cases):
        cases.append(Case(f"tests of {build.name}", "failed", f"meson test ended with {status}"))
    return cases


def step_release(_options) -> list[Case]:
    RELEASE.configure()
    RELEASE.compile()
    return run_tests(RELEASE)


def step_asan(_options) -> list[Case]:
    ASAN.configure()
    ASAN.compile()
    return run_tests(ASAN)


def step_fuzz(options) -> list[Case]:
    ASAN.configure()
    ASAN.compile_programs(*(n for n in ASAN.programs() if n.endswith("_fuzz")))
    return fuzzing.run(ASAN, options.fuzz_seconds, sanitizer_environment())


def step_tsan(_options) -> list[Case]:
    TSAN.configure()
    TSAN.compile_programs("seam_test")
    return run_tests(TSAN, "seam")


def step_lint(_options) -> list[Case]:
    if subprocess.run([str(ROOT / "tools/setup"), "--lint"], check=False).returncode != 0:
        raise BuildError("clang-tidy could not be installed")
    ASAN.configure()
    command = ["run-clang-tidy-19", "-quiet", "-p", str(ASAN.folder), f"{ROOT}/(?!build).*\\.cc$"]
    found = subprocess.run(command, cwd=ROOT, check=False).returncode
    return [Case("clang-tidy", "failed" if found else "passed")]


def run_step(name: str, options) -> tuple[list[Case], float]:
    print(f"\n=== {name} ===", flush=True)
    began = time.monotonic()
    try:
        cases = globals()[f"step_{name}"](options)
    except (BuildError, OSError, subprocess.SubprocessError) as why:
        print(f"check: {why}", flush=True)
        cases = [Case(f"step {name}", "failed", str(why))]
    return cases, time.monotonic() - began


def count(cases: list[Case], outcome: str) -> int:
    return sum(c.outcome == outcome for c in cases)


def counts(cases: list[Case]) -> str:
    return ", ".join(f"{count(cases, o)} {o}" for o in ("passed", "failed", "skipped"))


def report(results: dict[str, tuple[list[Case], float]]) -> int:
    everything = [case for cases, _ in results.values() for case in cases]
    print("\n=== summary ===")
    for case in everything:
        if case.outcome != "passed":
            print(f"{case.outcome}: {case.name}: {case.reason or 'NO REASON GIVEN'}")
    for name, (cases, seconds) in results.items():
        print(f"{name:8} {seconds:7.1f} s   {counts(cases)}")
    print(counts(everything))
    unexplained = any(c.outcome == "skipped" and not c.reason for c in everything)
    return 1 if count(everything, "failed") or unexplained else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tools/check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = (*DEFAULT_STEPS, "lint")
    parser.add_argument("--quick", action="store_true", help="only the release step")
    parser.add_argument("--only", nargs="+", choices=steps, metavar="STEP", help="just these steps")
    parser.add_argument("--fuzz-seconds", type=int, default=10, help="for each fuzzer (default 10)")
    parser.add_argument("--no-setup", action="store_true", help="do not look for missing packages")
    options = parser.parse_args()
    if not options.no_setup:
        arguments = ["--run"] if options.quick else []
        if subprocess.run([str(ROOT / "tools/setup"), *arguments], check=False).returncode != 0:
            return 1
    chosen = options.only or (("release",) if options.quick else DEFAULT_STEPS)
    return report({name: run_step(name, options) for name in chosen})


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("check: interrupted")
