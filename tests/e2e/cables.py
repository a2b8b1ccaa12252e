"""The set-up of tests that need cables of the kernel: programs by their paths, a network namespace
that is gone when the test ends, and veth pairs in it. Needs root, and says so when it is not.

Run by meson with the paths of the programs: NAME_test.py RESURGED RESURGE_KEYS RESURGE_STORM
"""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

from children import run  # noqa: E402

NAMES = ("resurged", "resurge-keys", "resurge-storm")
PROGRAMS = dict(zip(NAMES, map(pathlib.Path, sys.argv[1:4])))
_SKIPPED = 77  # as meson counts it
_MARK = "RESURGE_IN_A_NAMESPACE"


def ip(words: str) -> str:
    return run(["ip", *words.split()], "use ip")


def lay(*pairs: tuple[str, str]) -> None:
    """A cable for each pair of names of its ends, up, without addresses and without IPv6: the
    kernel must not answer in the gateway's place."""
    pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    for end, other in pairs:
        ip(f"link add {end} type veth peer name {other}")
        ip(f"link set {end} up")
        ip(f"link set {other} up")


def _can_make_namespaces() -> bool:
    tried = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return tried.returncode == 0


def main(lay_cables) -> None:
    """Begins the program again in a namespace, and there runs its tests."""
    if _MARK not in os.environ:
        if not _can_make_namespaces():
            print("no network namespaces: run as root")
            sys.exit(_SKIPPED)
        os.environ[_MARK] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    lay_cables()
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
