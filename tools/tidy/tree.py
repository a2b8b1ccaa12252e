"""The files that the style test reads, and the form of what it finds."""

import functools
import pathlib
import subprocess
from typing import NamedTuple

from cpp_text import split


class Finding(NamedTuple):
    path: str
    line: int  # 0: the file as a whole
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


class Tree:
    """Files by their path from the root. Binary files have contents, but no text."""

    def __init__(self, contents: dict[str, bytes | str]):
        self.contents = {
            path: octets.encode() if isinstance(octets, str) else octets
            for path, octets in sorted(contents.items())
        }
        self._parts: dict[str, tuple[str, str]] = {}

    @functools.cached_property
    def texts(self) -> dict[str, str]:
        found = {}
        for path, octets in self.contents.items():
            if b"\0" not in octets:
                try:
                    found[path] = octets.decode()
                except UnicodeDecodeError:
                    pass
        return found

    def paths(self, *suffixes: str, under: tuple[str, ...] = ("",)) -> list[str]:
        return [p for p in self.texts if p.endswith(suffixes) and p.startswith(under)]

    def cpp(self, *under: str) -> list[str]:
        return self.paths(".cc", ".h", under=under or ("",))

    def code(self, path: str) -> str:
        return self._split(path)[0]

    def comments(self, path: str) -> str:
        return self._split(path)[1]

    def _split(self, path: str) -> tuple[str, str]:
        if path not in self._parts:
            self._parts[path] = split(self.texts[path])
        return self._parts[path]


def line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def read_tree(root: pathlib.Path) -> Tree:
    """What git tracks or would add; without git, everything that is not a build."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [p for p in listing.stdout.split("\0") if p]
    else:
        every = (p.relative_to(root) for p in root.rglob("*") if "__pycache__" not in p.parts)
        paths = [str(p) for p in every if not str(p).startswith(("build", ".git/"))]
    files = (root / p for p in paths)
    return Tree({str(p.relative_to(root)): p.read_bytes() for p in files if p.is_file()})
