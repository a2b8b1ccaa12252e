"""Counts what a test run did, case by case, from the log that `meson test` leaves behind."""

import json
import pathlib
import re
from typing import NamedTuple


class Case(NamedTuple):
    name: str
    outcome: str  # passed, failed or skipped
    reason: str = ""  # of a skip or a failure, when one was given


_GTEST = re.compile(r"^\[ +(RUN|OK|FAILED|SKIPPED) +\] (\S+?)(?:, where .*)?(?: \(\d+ ms\))?$")
_GTEST_LOOK = re.compile(r"^\[==========\] Running \d+ tests?", re.MULTILINE)
_TAP_PLAN = re.compile(r"^1\.\.(\d+)$", re.MULTILINE)
_TAP = re.compile(r"^(ok|not ok) \d+ (\S+)(?: # SKIP (.*))?$", re.MULTILINE)
_UNITTEST_END = re.compile(r"^(OK|FAILED)(?: \((.*)\))?$", re.MULTILINE)
_UNITTEST_SKIP = re.compile(r"^(\S+) \(.*\.\.\. skipped '(.*)'$", re.MULTILINE)


def gtest_cases(program: str, output: str) -> list[Case]:
    """One case for each test that began. One that began and did not end has crashed."""
    cases: list[Case] = []
    running, said = "", []
    for line in output.splitlines():
        m = _GTEST.match(line)
        if not m:
            said.append(line.strip())
            continue
        word, name = m.groups()
        if word == "RUN":
            running, said = name, []
        elif name == running:
            outcome = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[word]
            cases.append(Case(f"{program}: {name}", outcome, _skip_reason(said, outcome)))
            running = ""
    if running:
        cases.append(Case(f"{program}: {running}", "failed", "the program ended in this test"))
    for count in re.findall(r"YOU HAVE (\d+) DISABLED TEST", output):
        cases += [Case(f"{program}: a disabled test", "skipped")] * int(count)
    return cases


def _skip_reason(said: list[str], outcome: str) -> str:
    if outcome != "skipped":
        return ""
    return " ".join(s for s in said if s and not re.search(r":\d+: Skipped$|: Skipped$", s))


def unittest_cases(program: str, output: str) -> list[Case]:
    """Python's unittest, by its summary."""
    ran = re.search(r"^Ran (\d+) tests?", output, re.MULTILINE)
    if not ran:
        return []
    end = _UNITTEST_END.search(output, ran.end())
    counts = dict(re.findall(r"(\w+)=(\d+)", (end.group(2) or "") if end else "errors=1"))
    failed = int(counts.get("failures", 0)) + int(counts.get("errors", 0))
    skips = [Case(f"{program}: {n}", "skipped", why) for n, why in _UNITTEST_SKIP.findall(output)]
    passed = int(ran.group(1)) - failed - len(skips)
    return [
        *([Case(program, "passed")] * passed),
        *([Case(program, "failed", "see its output above")] * failed),
        *skips,
    ]


def tap_cases(program: str, output: str) -> list[Case]:
    """The Test Anything Protocol: cases that were planned and not reported have failed."""
    cases: list[Case] = []
    for word, name, why in _TAP.findall(output):
        outcome = "skipped" if why else {"ok": "passed", "not ok": "failed"}[word]
        cases.append(Case(f"{program}: {name}", outcome, why))
    missing = int(_TAP_PLAN.search(output).group(1)) - len(cases)
    return cases + [Case(f"{program}: a case that did not end", "failed")] * missing


def program_cases(entry: dict) -> list[Case]:
    """The cases of one program, or the program itself when it has none that we can count."""
    name, result = entry["name"], entry["result"]
    stdout, stderr = entry.get("stdout", ""), entry.get("stderr", "")
    if _GTEST_LOOK.search(stdout):
        cases = gtest_cases(name, stdout)
    elif _TAP_PLAN.search(stdout):
        cases = tap_cases(name, stdout)
    else:
        cases = unittest_cases(name, stderr)
    if result == "SKIP" and not cases:
        return [Case(name, "skipped", (stdout + stderr).strip())]
    succeeded = result in ("OK", "EXPECTEDFAIL")
    if not succeeded and not any(c.outcome == "failed" for c in cases):
        cases.append(Case(name, "failed", f"{result.lower()}, exit status {entry['returncode']}"))
    return cases or [Case(name, "passed")]


def read(build_folder: pathlib.Path) -> list[Case]:
    log = build_folder / "meson-logs" / "testlog.json"
    lines = log.read_text().splitlines()
    return [case for line in lines for case in program_cases(json.loads(line))]
