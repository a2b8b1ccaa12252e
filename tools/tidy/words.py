"""Words that do not stand in this project, and what stands there instead."""

import re
from typing import NamedTuple

from limits import is_source
from tree import Finding, Tree, line_at


class Ban(NamedTuple):
    pattern: str
    instead: str
    under: tuple[str, ...] = ("",)
    unless: str = ""  # paths that may
    excuse: str = ""  # what else on the line makes it right


_PACKET_LAYERS = ("crypto/", "ike/", "dataplane/")
_OURS = (*_PACKET_LAYERS, "controlplane/", "tools/", "bench/")  # tests may build what is wrong
_OWNERS = r"dataplane/snapshot\.(cc|h)"  # owns through an atomic pointer

BANS = (
    Ban(r"\bmemcmp\s*\(", "crypto::ct_equal, or std::ranges::equal for public octets"),
    Ban(r"\b(?:std::)?s?rand\s*\(", "crypto/random.h, or a seeded engine in tests"),
    Ban(r"\bstr(?:n?cpy|n?cat)\s*\(", "std::string_view and a bounded writer"),
    Ban(r"\bv?sprintf\s*\(", "fmt::format, std::to_chars or snprintf"),
    Ban(r"\bstd::(?:cout|cerr|endl)\b", "fmt::print", unless=r"bench/.*"),
    Ban(r"\bthrow\b", "std::expected or a verdict", _PACKET_LAYERS),
    Ban(r"\b(?:try|catch)\b", "std::expected or a verdict", _PACKET_LAYERS),
    Ban(r"\bdynamic_cast\b|\btypeid\b", "a tag that the reader sees", _PACKET_LAYERS),
    # Placement is no allocation, and make_unique cannot reach a private constructor.
    Ban(r"\bnew\s+[A-Za-z_:]", "std::make_unique, or the arena", _OURS, _OWNERS, "unique_ptr<"),
    Ban(r"\bdelete\s+[A-Za-z_*(]|\bdelete\[\]", "an owner", _OURS, _OWNERS),
    Ban(r"\b(?:malloc|calloc|realloc|free)\s*\(", "the arena at start", _PACKET_LAYERS),
    Ban(r"\breinterpret_cast\b", "ByteReader and ByteWriter", ("ike/",)),
    Ban(r"\b(?:std::)?f?printf\s*\(", "a counter", ("dataplane/",)),
    Ban(r"\busing\s+namespace\b", "the name of what is used"),
    Ban(r"\bstd::shared_ptr\b", "one owner", _PACKET_LAYERS),
    Ban(r"\bstd::function\b", "a template or a plain function", _PACKET_LAYERS),
    Ban(r"\bstd::(?:shared_)?mutex\b", "a ring or a snapshot", _PACKET_LAYERS),
    Ban(r"\bhardware_(?:destructive|constructive)_interference_size\b", "kCacheLine"),
    Ban(r"\bgetenv\s*\(", "a configuration key", _OURS),
    Ban(r"\b(?:system|popen)\s*\(", "a function of ours", unless=r"tests/.*|tools/.*"),
    Ban(r"\bassert\s*\(", "CHECK, which stays in release builds"),
    Ban(r"-march=native|-mtune=native", "a choice at run time"),
)

# Names that attract everything. A segment of a file's name, or a word of a type's name.
_VAGUE = set(
    "util utils helper helpers common manager misc process data info handler stuff".split()
)
_VAGUE_ALLOWED = {
    "DropInfo",  # one row about one drop reason; `Row` would say less
    "Manager", "ManagerFree",  # IPsec-MB's own word, in the one file that sees it
}
_TYPE_NAME = re.compile(
    r"\b(?:class|struct|enum class|concept|using)\s+([A-Z]\w*)\s*(?=[:{=;]|final)"
)

# Written in halves so that this file does not find itself.
_PROMISES = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
_MACHINE = re.compile(r"/wo" r"rk/\w|/ro" r"ot/\w|/ho" r"me/\w|/tm" r"p/b-")
_HOSTS = re.compile(r"(?:URIs?:|mirror|registry).*https?:" r"//", re.IGNORECASE)


def check_tokens(tree: Tree) -> list[Finding]:
    """Each banned token has a replacement."""
    found = []
    for path in tree.cpp():
        code = tree.code(path)
        lines = code.splitlines()
        for ban in BANS:
            if not path.startswith(ban.under) or (ban.unless and re.fullmatch(ban.unless, path)):
                continue
            for m in re.finditer(ban.pattern, code):
                where, token = line_at(code, m.start()), m.group().strip()
                if ban.excuse and ban.excuse in lines[where - 1]:
                    continue
                found.append(Finding(path, where, f"{token}: use {ban.instead}"))
    return found


def check_names(tree: Tree) -> list[Finding]:
    """A file and a type are called by what they are."""
    found = []
    for path in tree.contents:
        for segment in re.split(r"[/_.\-]", path):
            if segment in _VAGUE:
                found.append(Finding(path, 0, f"'{segment}' in a file name says nothing"))
    for path in tree.cpp():
        code = tree.code(path)
        for m in _TYPE_NAME.finditer(code):
            words = re.findall(r"[A-Z][a-z0-9]*", m.group(1))
            if m.group(1) not in _VAGUE_ALLOWED and any(w.lower() in _VAGUE for w in words):
                found.append(
                    Finding(path, line_at(code, m.start()), f"{m.group(1)}: say what it holds")
                )
    return found


def check_ascii(tree: Tree) -> list[Finding]:
    """Source is ASCII, but for the sign of a section."""
    found = []
    for path, text in tree.texts.items():
        if not is_source(tree, path):
            continue
        for m in re.finditer(r"[^\x00-\x7f]", text):
            if m.group() != "\u00a7":
                found.append(
                    Finding(path, line_at(text, m.start()), f"U+{ord(m.group()):04X} is not ASCII")
                )
    return found


def check_promises(tree: Tree) -> list[Finding]:
    """What is not done stands in an issue, not in the code."""
    return _search(tree, _PROMISES, "belongs in an issue")


def check_machine_paths(tree: Tree) -> list[Finding]:
    """The project stands alone: no path of one machine, no package host."""
    return _search(tree, _MACHINE, "is a path of one machine") + _search(
        tree, _HOSTS, "names a package host; the machine's client chooses"
    )


def _search(tree: Tree, pattern: re.Pattern, complaint: str) -> list[Finding]:
    return [
        Finding(path, line_at(text, m.start()), f"'{m.group()}' {complaint}")
        for path, text in tree.texts.items()
        if path != "LICENSE" and not path.startswith("tests/vectors/")
        for m in pattern.finditer(text)
    ]
