#!/usr/bin/env python3
"""A Debian 13 in a folder for each peer: libreswan 5.2, the first release that speaks RFC 5723, and
strongSwan 6.0, the first that speaks RFC 9370. Their packages do not go together.

    python3 trixie.py [FOLDER]      makes both now (a minute each), or says that they are there

Made once by debootstrap and kept; the mirror and the proxy are those of this machine's apt. Nothing
is mounted in one for longer than a command runs: each has a mount namespace of its own.
"""

import contextlib
import fcntl
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

FOLDER = pathlib.Path("/var/cache/resurge/trixie")
SUITE = "trixie"
# bind9-host: debootstrap cannot resolve libreswan's dependency on the virtual package `host`.
PACKAGES = {
    "libreswan": ("libreswan", "bind9-host", "libnss3-tools", "iproute2"),
    "strongswan": (
        "strongswan-charon", "strongswan-swanctl", "libstrongswan-standard-plugins",
        "libcharon-extra-plugins", "iproute2",
    ),
}
PLUTO = "usr/libexec/ipsec/pluto"
_SKIPPED = 77  # the status by which meson knows a test that was skipped
_MADE = ".made-by-resurge"  # holds the recipe; written last


class ChrootError(Exception):
    """It could not be made; the text says why and what to do."""


def of(peer: str, folder: pathlib.Path = FOLDER) -> pathlib.Path:
    """Where that of the peer lies when libreswan's is `folder`."""
    return folder if peer == "libreswan" else folder.with_name(f"{folder.name}-{peer}")


def why_not(peer: str, folder: pathlib.Path) -> str:
    """What is missing on this machine to use or make one, or nothing."""
    if os.geteuid() != 0:
        return "a chroot needs root"
    if is_made(peer, folder):
        return ""
    if not shutil.which("debootstrap"):
        return "no debootstrap here; run tools/setup"
    if not _mirror():
        return "apt knows no mirror of Debian here"
    return ""


def is_made(peer: str, folder: pathlib.Path) -> bool:
    mark = folder / _MADE
    return mark.exists() and mark.read_text() == _recipe(peer)


def make(peer: str, folder: pathlib.Path) -> float:
    """Returns how many seconds it took; 0 when it was there. Several may ask at a time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_suffix(".lock")):
        if is_made(peer, folder):
            return 0
        began = time.monotonic()
        part = folder.with_suffix(".part")
        for old in (part, folder):
            shutil.rmtree(old, ignore_errors=True)
        _debootstrap(peer, part, folder.with_suffix(".log"))
        policy = part / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        shutil.rmtree(part / "var/cache/apt/archives", ignore_errors=True)
        (part / _MADE).write_text(_recipe(peer))
        part.rename(folder)
        return time.monotonic() - began


def inside(folder: pathlib.Path, state: pathlib.Path, *words: str) -> list[str]:
    """A command line that runs `words` in the chroot, with `state` as /srv.

    Runs under a mount namespace of its own, for example that of `ip netns exec`; exec all the way.
    """
    here = shlex.quote(str(folder))
    script = (
        f"mount -t proc proc {here}/proc && mount --rbind /dev {here}/dev && "
        f"mount --bind {shlex.quote(str(state))} {here}/srv && exec chroot {here} "
    )
    return ["sh", "-c", script + shlex.join(words)]


def enter(pid: int, *words: str) -> list[str]:
    """A command line that runs `words` where the process is: its namespaces, its root."""
    where = ("--target", str(pid), "--mount", "--net", "--root", "--wdns=/")
    return ["nsenter", *where, "--", *words]


def _recipe(peer: str) -> str:
    return f"{SUITE}: {' '.join(PACKAGES[peer])}\n"


def _debootstrap(peer: str, folder: pathlib.Path, log: pathlib.Path) -> None:
    # Whatever it mounts and starts goes with it, even when it is killed.
    alone = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    command = [
        *alone, "debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES[peer])}", SUITE,
        str(folder), _mirror(),
    ]
    environment = os.environ | ({"http_proxy": _proxy()} if _proxy() else {})
    with log.open("w") as out:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment,
            check=False,
        )
    if done.returncode != 0:
        last = log.read_text(errors="replace").splitlines()[-5:]
        raise ChrootError(
            f"debootstrap of {SUITE} ended with {done.returncode}; its log is {log}:\n"
            + "\n".join(last)
        )


def _mirror() -> str:
    """Where this machine's apt gets Debian from."""
    return _apt("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages",
                "Origin: Debian", "Label: Debian").partition("\n")[0]


def _proxy() -> str:
    found = _apt("apt-config", "--format", "%v%n", "dump", "Acquire::http::Proxy")
    return "" if found == "DIRECT" else found


def _apt(*command: str) -> str:
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    base = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    for peer in PACKAGES:
        folder = of(peer, base)
        why = why_not(peer, folder)
        if why:
            print(f"trixie: {why}")
            return _SKIPPED
        if not is_made(peer, folder):
            print(f"trixie: making a Debian 13 in {folder}; this takes a minute", flush=True)
        try:
            seconds = make(peer, folder)
        except (ChrootError, OSError) as what:
            print(f"trixie: {what}", file=sys.stderr)
            return 1
        print(f"trixie: {folder} is there" + (f", made in {seconds:.0f} s" if seconds else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
