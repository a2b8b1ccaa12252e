"""Processes that this script started, and ends; no others."""

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time

_PR_SET_PDEATHSIG = 1


class ChildError(Exception):
    """A process that did not do what it was started for; the text says what to look at."""


_LIBC = ctypes.CDLL(None)


def _begin() -> None:
    # Even a killed demonstration leaves no poller behind on a core.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setsid()
    go_first()


def go_first() -> None:
    """Before whatever else runs here: a poller that shares its core would measure the scheduler.

    Within the session and, where the kernel groups by session and this one is ours, among them.
    """
    with contextlib.suppress(OSError):
        os.nice(-20)
        if os.getsid(0) == os.getpid():
            pathlib.Path("/proc/self/autogroup").write_text("-20")


class Children:
    """with Children(folder) as children: each one's output goes to <folder>/<name>.log."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._started: list[tuple[str, subprocess.Popen]] = []

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_why) -> None:
        for name, child in reversed(self._started):
            self.stop(name, child)

    def log(self, name: str) -> pathlib.Path:
        return self._folder / f"{name}.log"

    def start(self, name: str, command: list[str], shown: bool = False) -> subprocess.Popen:
        """`shown`: its output goes to the terminal instead of its log."""
        with self.log(name).open("wb") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, preexec_fn=_begin,
                stdout=None if shown else log, stderr=None if shown else subprocess.STDOUT,
            )
        self._started.append((name, child))
        return child

    def wait_for_line(self, name: str, child: subprocess.Popen, word: str, seconds: float) -> None:
        """Until a line of its log begins with `word`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = self.log(name).read_text(errors="replace")
            if any(line.startswith(word) for line in text.splitlines()):
                return
            if child.poll() is not None:
                raise ChildError(f"{name} ended with status {child.returncode}\n{self.tail(name)}")
            time.sleep(0.05)
        raise ChildError(f"{name} did not say {word} within {seconds:.0f} s\n{self.tail(name)}")

    def stop(self, name: str, child: subprocess.Popen, seconds: float = 10) -> int:
        """Asks it to end, and after a while makes it."""
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                print(f"{name} had to be killed", flush=True)
        return child.returncode

    def tail(self, name: str, lines: int = 20) -> str:
        text = self.log(name).read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(f"  {name}: {line}" for line in text)


def run(command: list[str], what: str) -> str:
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, preexec_fn=_begin
    )
    if done.returncode != 0:
        shown = " ".join(command)
        raise ChildError(f"could not {what}: {shown}\n{done.stdout}{done.stderr}")
    return done.stdout


def usable_cpus() -> list[int]:
    return sorted(os.sched_getaffinity(0))
