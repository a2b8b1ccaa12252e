"""Named test cases with time limits, reported in the Test Anything Protocol.

A module registers its cases with @case and ends with main(). A case gets a Lab (lab.py), fails by
raising, and is skipped only when something is missing on this machine (raise Skipped); what both
sides logged is printed when it fails.
"""

import argparse
import contextlib
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple

# Whoever has imported this module can import children.py.
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

from children import go_first  # noqa: E402  # found by the line above

LIMIT_SECONDS = 60


class Skipped(Exception):
    """This machine lacks what the case needs; the text says what."""


class TimeIsUp(Exception):
    """The case took longer than it may."""


class Case(NamedTuple):
    name: str
    run: Callable
    limit: float


_CASES: list[Case] = []


def case(function: Callable | None = None, limit: float = LIMIT_SECONDS):
    """Registers a function of a lab under its own name; `limit` in seconds."""

    def register(run: Callable) -> Callable:
        _CASES.append(Case(run.__name__.strip("_"), run, limit))
        return run

    return register(function) if function else register


def check(found: bool, what: str) -> None:
    """`what` is the sentence that should have been true."""
    if not found:
        raise AssertionError(what)


def equal(found, expected, what: str) -> None:
    check(found == expected, f"{what}: expected {expected!r}, found {found!r}")


def wait_until(true: Callable[[], object], what: str, seconds: float = 20, every: float = 0.05):
    """What `true` returned once it was true; it is asked again and again."""
    deadline = time.monotonic() + seconds
    while True:
        found = true()
        if found:
            return found
        check(time.monotonic() < deadline, f"within {seconds:.0f} s: {what}")
        time.sleep(every)


def _out_of_time(_signal, _frame) -> None:
    raise TimeIsUp("the time limit of the case")


def _interrupted(_signal, _frame) -> None:
    raise KeyboardInterrupt


def _diagnose(text: str) -> None:
    for line in text.rstrip().splitlines():
        print(f"# {line}")


def _run(one: Case, number: int, make_lab: Callable, multiplier: float, keep: bool) -> bool:
    """True unless it failed."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"resurge-{one.name}-"))
        if not keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        lab = None
        try:
            signal.setitimer(signal.ITIMER_REAL, one.limit * multiplier)
            lab = stack.enter_context(make_lab(folder))
            one.run(lab)
            lab.finish()
            outcome, story = "ok", ""
        except Skipped as why:
            outcome, story = "skipped", str(why)
        except Exception:  # noqa: BLE001  # whatever a case raises is its failure
            outcome, story = "not ok", traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if outcome == "not ok":
            _diagnose(f"--- {one.name}\n{story}\n{lab.tell() if lab else ''}")
        if keep:
            _diagnose(f"{one.name}: everything is in {folder}")
    if outcome == "skipped":
        print(f"ok {number} {one.name} # SKIP {story}", flush=True)
    else:
        print(f"{outcome} {number} {one.name}", flush=True)
    _diagnose(f"{one.name} took {time.monotonic() - began:.1f} s")
    return outcome != "not ok"


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("case", nargs="*", help="only these (default: all)")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--keep", action="store_true", help="keep the folder of each case")
    parser.add_argument("--time-limit-multiplier", type=float, default=1, metavar="N")
    return parser


def main(description: str, add_options: Callable, lab_factory: Callable) -> int:
    """`add_options(parser)`; `lab_factory(options)` returns what makes a Lab of a folder."""
    parser = _parser(description)
    add_options(parser)
    options = parser.parse_args()
    if options.list:
        print("\n".join(one.name for one in _CASES))
        return 0
    unknown = set(options.case) - {one.name for one in _CASES}
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}; see --list")
    chosen = [one for one in _CASES if not options.case or one.name in options.case]
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGHUP, _interrupted)
    go_first()  # as those whom it starts do, or it comes too late to see what they do
    make_lab = lab_factory(options)
    print(f"1..{len(chosen)}", flush=True)
    try:
        results = [
            _run(one, number, make_lab, options.time_limit_multiplier, options.keep)
            for number, one in enumerate(chosen, 1)
        ]
    except KeyboardInterrupt:
        print("Bail out! interrupted", flush=True)
        return 130
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit("cases.py is a library; run one of the ..._test.py")
