"""Sizes: lines of a file, of a function, columns of a line, octets of a blob."""

import ast

from cpp_text import functions
from tree import Finding, Tree

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
BLOB_OCTETS_MAX = 256 * 1024

_SOURCE = (".cc", ".h", ".py", "meson.build", ".sh")


def is_source(tree: Tree, path: str) -> bool:
    return path.endswith(_SOURCE) or tree.texts[path].startswith("#!")


def check_file_length(tree: Tree) -> list[Finding]:
    """A file is read in one sitting."""
    found = []
    for path, text in tree.texts.items():
        count = text.count("\n")
        if is_source(tree, path) and count > FILE_LINES_MAX:
            found.append(Finding(path, 0, f"{count} lines; at most {FILE_LINES_MAX}"))
    return found


def check_function_length(tree: Tree) -> list[Finding]:
    """A function fits a screen."""
    found = []
    for path, text in tree.texts.items():
        if path.endswith((".cc", ".h")):
            lengths = [(f.name, f.first_line, f.line_count) for f in functions(text)]
        elif path.endswith(".py") or text.startswith(("#!/usr/bin/env python3",)):
            lengths = _python_functions(text)
        else:
            continue
        for name, line, count in lengths:
            if count > FUNCTION_LINES_MAX:
                found.append(
                    Finding(path, line, f"{name} has {count} lines; at most {FUNCTION_LINES_MAX}")
                )
    return found


def _python_functions(text: str) -> list[tuple[str, int, int]]:
    return [
        (node.name, node.lineno, node.end_lineno - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def check_line_length(tree: Tree) -> list[Finding]:
    """Two files fit side by side."""
    found = []
    for path, text in tree.texts.items():
        if not is_source(tree, path):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > COLUMNS_MAX:
                found.append(Finding(path, number, f"{len(line)} columns; at most {COLUMNS_MAX}"))
    return found


def check_blobs(tree: Tree) -> list[Finding]:
    """The repository stays small enough to clone in a moment."""
    return [
        Finding(path, 0, f"{len(octets)} octets; at most {BLOB_OCTETS_MAX}")
        for path, octets in tree.contents.items()
        if len(octets) > BLOB_OCTETS_MAX
    ]
