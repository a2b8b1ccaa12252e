"""The build folders under build/: compiler and options of each, and bringing it up to date."""

import json
import os
import pathlib
import shutil
import subprocess
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]


class BuildError(Exception):
    """A build that did not come about; the compiler has already said why."""


class Build(NamedTuple):
    name: str
    compiler: str
    options: tuple[str, ...]

    @property
    def folder(self) -> pathlib.Path:
        return ROOT / "build" / self.name

    def configure(self) -> None:
        """Sets the folder up, afresh when its compiler or options changed; else does nothing."""
        ccache = ["ccache"] if shutil.which("ccache") else []
        wanted = json.dumps([*ccache, self.compiler, *self.options])
        stamp = self.folder / "options.json"
        if stamp.exists() and stamp.read_text() == wanted:
            self.compile("build.ninja")  # targets may have come since
            return
        if self.folder.exists():
            shutil.rmtree(self.folder)
        environment = os.environ | {"CXX": " ".join([*ccache, self.compiler])}
        command = ["meson", "setup", str(self.folder), str(ROOT), *self.options]
        self._run(command, f"could not configure {self.name}", environment)
        stamp.write_text(wanted)

    def compile(self, *targets: str) -> None:
        self._run(["ninja", "-C", str(self.folder), *targets], f"could not build {self.name}")

    def compile_programs(self, *names: str) -> None:
        programs = self.programs()
        self.compile(*(str(programs[n].relative_to(self.folder)) for n in names))

    def programs(self) -> dict[str, pathlib.Path]:
        """Every executable of the build, by name."""
        listing = subprocess.run(
            ["meson", "introspect", "--targets", str(self.folder)],
            capture_output=True, text=True, check=True,
        ).stdout
        found = (t for t in json.loads(listing) if t["type"] == "executable")
        return {t["name"]: pathlib.Path(t["filename"][0]) for t in found}

    def _run(self, command: list[str], complaint: str, environment=None) -> None:
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
            raise BuildError(complaint)


RELEASE = Build("release", "g++", ("-Dbuildtype=release",))
# Compiling is what costs time here: lines for stack traces and no more, one build for ASan, UBSan
# and the fuzzers.
_LIGHT = (
    "-Doptimization=1", "-Ddebug=false", "-Db_lundef=false", "-Dbench=false",
)
ASAN = Build(
    "asan",
    "clang++-19",
    (
        *_LIGHT, "-Db_sanitize=address,undefined", "-Dfuzz=true",
        # The layers of the packet path have no RTTI, which the vptr check wants.
        "-Dcpp_args=-g1 -fno-sanitize-recover=all -fno-sanitize=vptr",
    ),
)
TSAN = Build(
    "tsan",
    "clang++-19",
    (
        *_LIGHT, "-Db_sanitize=thread", "-Dcpp_args=-g1",
    ),
)
