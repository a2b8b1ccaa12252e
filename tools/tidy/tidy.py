#!/usr/bin/env python3
"""The style test: runs every check over the tree and prints what is wrong, one line each.

    tools/tidy/tidy.py [--root DIR] [--only CHECK ...] [--list] [--uncited]

Status 0 when nothing was found. --list names the checks; --uncited prints the RFC sections that the
code cites and no test does (a reading list, not a failure).
"""

import argparse
import pathlib
import sys

import coverage
import layers
import limits
import words
from tree import read_tree

_MODULES = (layers, limits, words, coverage)
CHECKS = {
    name.removeprefix("check_"): function
    for module in _MODULES
    for name, function in vars(module).items()
    if name.startswith("check_")
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    parser.add_argument("--only", nargs="+", choices=sorted(CHECKS), metavar="CHECK")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--uncited", action="store_true")
    options = parser.parse_args()
    if options.list:
        for name, check in CHECKS.items():
            print(f"{name:18} {check.__doc__.splitlines()[0]}")
        return 0
    tree = read_tree(options.root)
    if options.uncited:
        print(*coverage.uncited_sections(tree), sep="\n")
        return 0
    chosen, total = options.only or list(CHECKS), 0
    for name in chosen:
        found = CHECKS[name](tree)
        for finding in found:
            print(f"{finding} [{name}]")
        total += len(found)
    print(f"tidy: {len(tree.contents)} files, {len(chosen)} checks, {total} findings")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
