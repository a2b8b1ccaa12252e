"""What has to have a test, and what has to be written at the top of a file."""

import re

from cpp_text import functions
from limits import is_source
from tree import Finding, Tree, line_at

_LAYERS = ("crypto/", "ike/", "dataplane/", "controlplane/")

# Tested elsewhere than in the mirrored place, with where; the place must exist.
TESTED_BY: dict[str, str] = {
    "crypto/base/error.cc": "tests/crypto/base/secret_test.cc",
    "dataplane/answer_neighbour.cc": "tests/dataplane/answer_link_test.cc",
    "dataplane/eal.cc": "tests/dataplane/port_test.cc",
    "dataplane/issuer_use.cc": "tests/dataplane/used_set_test.cc",
}

_CITATION = re.compile(
    r"RFC\s?(\d{4,5}),?\s+(?:[Ss]ection\s+|\u00a7\s*)([0-9]+(?:\.[0-9]+)*|[A-Z](?:\.[0-9]+)*)\b"
)
_DECIDES = re.compile(r"\b(?:MUST|SHOULD|REQUIRED|SHALL)\b")


def _test_candidates(path: str) -> list[str]:
    """tests/<layer>/<module>_test.cc; the test of a family serves its members: sha_kernels_ni."""
    folder, _, stem = path.removesuffix(".cc").rpartition("/")
    words = stem.split("_")
    stems = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    folders = [f"tests/{folder}/"] + ([f"tests/{folder.split('/')[0]}/"] if "/" in folder else [])
    return [f"{f}{s}_test.cc" for f in folders for s in stems]


def check_siblings(tree: Tree) -> list[Finding]:
    """Every .cc of a layer has its test in the mirrored place."""
    found = []
    for path in tree.paths(".cc", under=_LAYERS):
        if path in TESTED_BY:
            if TESTED_BY[path] not in tree.contents:
                found.append(Finding(path, 0, f"its test {TESTED_BY[path]} is not there"))
        elif not any(c in tree.contents for c in _test_candidates(path)):
            found.append(Finding(path, 0, f"has no test {_test_candidates(path)[0]}"))
    return found


def check_drop_rows(tree: Tree) -> list[Finding]:
    """Every drop reason is produced by a test that names it."""
    table = "dataplane/drop.h"
    if table not in tree.texts:
        return []
    rows = re.findall(r"DropInfo\{Drop::(\w+)", tree.texts[table])
    tests = "\n".join(tree.code(p) for p in tree.cpp("tests/"))
    named = set(re.findall(r"\bDrop::(\w+)", tests))
    untested = [row for row in rows if row not in named | {"none"}]
    return [Finding(table, 0, f"no test names Drop::{row}") for row in untested]


def sections(text: str) -> dict[tuple[str, str], int]:
    """(RFC, section) -> the first line that cites it."""
    cited: dict[tuple[str, str], int] = {}
    for m in _CITATION.finditer(text):
        cited.setdefault((m.group(1), m.group(2)), line_at(text, m.start()))
    return cited


def _tested_sections(tree: Tree) -> set[tuple[str, str]]:
    return {s for p in tree.cpp("tests/") for s in sections(tree.texts[p])}


def _is_tested(section: tuple[str, str], tested: set[tuple[str, str]]) -> bool:
    # A test of 2.5.1 tests 2.5 as well; not the other way round.
    return any(t[0] == section[0] and (t[1] + ".").startswith(section[1] + ".") for t in tested)


def check_citations(tree: Tree) -> list[Finding]:
    """A section cited with MUST or SHOULD on its line decides behaviour, so a test cites it too."""
    tested, found = _tested_sections(tree), []
    for path in tree.cpp(*_LAYERS):
        for number, line in enumerate(tree.comments(path).splitlines(), 1):
            for section in sections(line) if _DECIDES.search(line) else ():
                if not _is_tested(section, tested):
                    text = f"RFC {section[0]} \u00a7{section[1]} decides here, and no test cites it"
                    found.append(Finding(path, number, text))
    return found


def uncited_sections(tree: Tree) -> list[Finding]:
    """For the reader of the output: sections named in code that no test names."""
    tested, found = _tested_sections(tree), []
    for path in tree.cpp(*_LAYERS):
        for section, line in sections(tree.comments(path)).items():
            if not _is_tested(section, tested):
                found.append(Finding(path, line, f"RFC {section[0]} \u00a7{section[1]}"))
    return found


def check_first_line(tree: Tree) -> list[Finding]:
    """The first line of a file begins the sentence that says what it owns."""
    found = []
    for path, text in tree.texts.items():
        if not is_source(tree, path) or not text.strip():
            continue
        lines = text.splitlines()
        first = lines[1:] if lines[0].startswith("#!") else lines
        opening = first[0] if first else ""
        if not re.match(r"(//|#|\"\"\")\s?\S+(\s+\S+){2,}", opening):
            found.append(Finding(path, 1, "the first line is no sentence that says what it owns"))
            continue
        mark = "//" if opening.startswith("//") else "#"
        block = []
        for line in first:
            if mark == "#" and opening.startswith('"""') or line.startswith(mark):
                block.append(line)
            else:
                break
        if not re.search(r"[.?:](\s|\"|$)", "\n".join(block)):
            found.append(Finding(path, 1, "the opening comment is no whole sentence"))
    return found


def check_guards(tree: Tree) -> list[Finding]:
    """Headers may be included twice."""
    return [
        Finding(path, 1, "has no #pragma once")
        for path in tree.paths(".h")
        if "#pragma once" not in tree.code(path) and not path.endswith("_list.h")
    ]


FIGURES_BEGIN = "<!-- figures: written by tools/figures --update-readme -->"
FIGURES_END = "<!-- end of figures -->"
_MEASURED = re.compile(
    r"\d[\d,.]*\s?(?:%|us\b|ns\b|ms\b|Mpps\b|[KMG]i?B\b|cycles\b|x\b|/s\b|a second\b|per second\b)"
)


def check_readme_numbers(tree: Tree) -> list[Finding]:
    """Measured numbers in README.md come from tools/figures, never from memory."""
    text = tree.texts.get("README.md")
    if text is None:
        return [Finding("README.md", 0, "is not there")]
    begin, end = text.find(FIGURES_BEGIN), text.find(FIGURES_END)
    if begin < 0 or end < begin:
        return [Finding("README.md", 0, f"lacks the block {FIGURES_BEGIN} ... {FIGURES_END}")]
    found = []
    for m in _MEASURED.finditer(text):
        if not begin <= m.start() < end:
            where = line_at(text, m.start())
            complaint = f"'{m.group()}' stands outside the figures block"
            found.append(Finding("README.md", where, complaint))
    return found


def check_fuzz_targets(tree: Tree) -> list[Finding]:
    """A fuzz target is built, and has seeds that the normal test run replays."""
    build = tree.texts.get("tests/fuzz/meson.build", "")
    found = []
    for path in tree.paths(".cc", under=("tests/fuzz/",)):
        if not any(f.name == "LLVMFuzzerTestOneInput" for f in functions(tree.texts[path])):
            continue
        name = path.split("/")[-1].removesuffix(".cc")
        if not re.search(rf"'{name}(?:\.cc)?'", build):
            found.append(Finding(path, 0, "tests/fuzz/meson.build does not build it"))
        if name != "canary" and not any(
            p.startswith(f"tests/fuzz/corpus/{name}/") for p in tree.contents
        ):
            found.append(Finding(path, 0, f"has no seed in tests/fuzz/corpus/{name}/"))
    return found
