"""The dependency rule: which layer may include which, and which file may see a vendor's header."""

import re

from tree import Finding, Tree, line_at

_CRYPTO = ("crypto/base/", "crypto/")
_API = ("dataplane/api/", "dataplane/drop.h")  # the letter-box, and the names of the reasons

# A file belongs to the longest prefix that fits. "*" stands for every layer.
MAY_INCLUDE = {
    "crypto/base/": ("crypto/base/",),
    "crypto/": _CRYPTO,
    "ike/": (*_CRYPTO, "ike/"),
    "dataplane/api/": (*_CRYPTO, "ike/", *_API),
    "dataplane/": (*_CRYPTO, "ike/", *_API, "dataplane/"),
    "controlplane/": (*_CRYPTO, "ike/", *_API, "controlplane/"),
    "tools/": (*_CRYPTO, "ike/", *_API, "dataplane/", "controlplane/", "tools/"),
    "bench/": ("*",),
    "tests/": ("*",),
}

# Library -> (its headers, where they may stand). A reader of any other file meets no vendor.
VENDORS = {
    "IPsec-MB": (r"intel-ipsec-mb\.h|ipsec-mb", r"crypto/mb_engine\w*\.cc"),
    "OpenSSL": (r"openssl/", r"crypto/ossl_\w+\.cc|bench/ke_bench\.cc"),
    "DPDK": (
        r"rte_|bus_|dev_driver", r"dataplane/(port\w*|eal)\.cc|bench/librte_ipsec_bench\.cc"
    ),
    "intrinsics": (r"\w*intrin\.h|cpuid\.h", r"crypto/sha\w*\.(cc|h)|dataplane/frame\.cc"),
    "toml++": (r"toml\+\+", r"controlplane/\w+\.(cc|h)"),
    "CLI11": (r"CLI/", r"tools/.+\.(cc|h)"),
    "spdlog": (r"spdlog/", r"(controlplane|tools|tests)/.+\.(cc|h)"),
    "fmt": (r"fmt/", r"(controlplane|tools|bench|tests)/.+\.(cc|h)"),
    "nlohmann-json": (r"nlohmann/", r"(controlplane|tools|bench|tests)/.+\.(cc|h)"),
    "GoogleTest": (r"g(test|mock)/", r"tests/.+\.(cc|h)"),
    "Google Benchmark": (r"benchmark/", r"bench/.+\.(cc|h)"),
}

_OURS = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
_THEIRS = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>]+)>", re.MULTILINE)


def layer_of(path: str) -> str | None:
    fits = [layer for layer in MAY_INCLUDE if path.startswith(layer)]
    return max(fits, key=len, default=None)


def includes(tree: Tree, path: str) -> list[tuple[int, str]]:
    text = tree.texts[path]
    return [(line_at(text, m.start()), m.group(1)) for m in _OURS.finditer(text)]


def check_edges(tree: Tree) -> list[Finding]:
    """Includes go down the layers, are written from the root, and lead to a file."""
    found = []
    for path in tree.cpp():
        layer = layer_of(path)
        if layer is None:
            found.append(Finding(path, 0, "belongs to no layer of tools/tidy/layers.py"))
            continue
        allowed = MAY_INCLUDE[layer]
        for line, target in includes(tree, path):
            if target not in tree.contents:
                found.append(Finding(path, line, f'"{target}" is no file, seen from the root'))
            elif "*" not in allowed and layer_of(target) not in allowed and target not in allowed:
                found.append(Finding(path, line, f"{layer} must not include {target}"))
    return found


def check_vendors(tree: Tree) -> list[Finding]:
    """A library's headers stand only in the files that wrap it."""
    found = []
    for path in tree.cpp():
        for m in _THEIRS.finditer(tree.texts[path]):
            for name, (header, home) in VENDORS.items():
                if re.match(header, m.group(1)) and not re.fullmatch(home, path):
                    where = line_at(tree.texts[path], m.start())
                    found.append(Finding(path, where, f"{name} belongs in {home}, not here"))
    return found


def check_cycles(tree: Tree) -> list[Finding]:
    """No header includes itself by way of others."""
    edges = {p: [t for _, t in includes(tree, p) if t in tree.texts] for p in tree.paths(".h")}
    state: dict[str, str] = {}
    found = []

    def visit(path: str, trail: list[str]) -> None:
        if state.get(path) == "open":
            loop = " -> ".join(trail[trail.index(path) :] + [path])
            found.append(Finding(path, 0, f"include cycle: {loop}"))
        if path in state:
            return
        state[path] = "open"
        for target in edges.get(path, ()):
            visit(target, trail + [path])
        state[path] = "done"

    for path in edges:
        visit(path, [])
    return found


def check_dead_headers(tree: Tree) -> list[Finding]:
    """Somebody beside its own .cc and test includes a header; else it is private or dead."""
    users: dict[str, set[str]] = {p: set() for p in tree.paths(".h")}
    for path in tree.cpp():
        for _, target in includes(tree, path):
            if target in users:
                users[target].add(path)
    found = []
    for header, who in users.items():
        stem = header.removesuffix(".h")
        own = {stem + ".cc", f"tests/{stem}_test.cc"}
        if not who - own:
            found.append(Finding(header, 0, "nobody but its own .cc and test includes it"))
    return found
