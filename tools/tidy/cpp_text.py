"""Reads C++ as text: code without comments and literals, comments alone, functions with lengths.

Not a compiler: it knows enough of the grammar to be right for this project's style, and each thing
that it must get right has a case in tests/tidy/tidy_test.py.
"""

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<line>//[^\n]*(?:\\\n[^\n]*)*)
      | (?P<block>/\*.*?\*/)
      | (?P<raw>\b(?:u8|u|U|L)?R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)")
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<number>\b\d(?:'?[\w.])*)
      | (?P<char>'(?:\\.|[^'\\\n])+')""",
    re.VERBOSE | re.DOTALL,
)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def split(source: str) -> tuple[str, str]:
    """(code, comments), each as long as the source and with the same line breaks."""
    code, comments, last = [], [], 0
    for token in _TOKEN.finditer(source):
        between, text = source[last : token.start()], token.group()
        is_comment = token.lastgroup in ("line", "block")
        is_number = token.lastgroup == "number"
        code += [between, text if is_number else _blank(text) if is_comment else _literal(text)]
        comments += [_blank(between), text if is_comment else _blank(text)]
        last = token.end()
    code.append(source[last:])
    comments.append(_blank(source[last:]))
    return "".join(code), "".join(comments)


def _literal(text: str) -> str:
    # The quotes stay, so that a reader of the code still sees that something stood there.
    return text[0] + _blank(text[1:-1]) + text[-1]


def without_preprocessor(code: str) -> str:
    return re.sub(
        r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: _blank(m.group()), code, flags=re.MULTILINE
    )


class Function(NamedTuple):
    name: str
    first_line: int  # of the signature
    last_line: int  # of the closing brace

    @property
    def line_count(self) -> int:
        return self.last_line - self.first_line + 1


_SCOPE = re.compile(r'^(?:inline\s+)?namespace\b|^extern\s*"[^"]*"$')
_TYPE = re.compile(
    r"^(?:template\s*<.*>\s*)?(?:typedef\s+)?(?:enum|union|class|struct)\b", re.DOTALL
)
# Possessive: blanked comments are long runs of spaces, and trying every way to part them takes for
# ever. A file with conflict markers did.
_AFTER_PARAMETERS = re.compile(
    r"\)\s*(?:const|volatile|noexcept(?:\s*\([^()]*(?:\([^()]*\)[^()]*)*\))?|override|final|"
    r"mutable|constexpr|&{1,2}|->\s*[^;{}=]+|requires\b[^;{}]*|\[\[[^\]]*\]\]|"
    r"__attribute__\s*\(\(.*?\)\)|\s+)*+$",
    re.DOTALL,
)
_INITIALISERS = re.compile(r"\)[\w\s()]*:(?!:)", re.DOTALL)
_CONTROL = re.compile(r"^(?:if|for|while|switch|catch|do|else|try)\b")


def _opens(header: str) -> str:
    """What a brace after `header` opens: scope, type, function or init (an initialiser)."""
    if not header or _SCOPE.search(header):
        return "scope"
    if _INITIALISERS.search(header) and not _TYPE.search(header):
        # X(int a) : a_{a}, b_(a) { ... }: the brace after a member's name belongs to the member.
        return "function" if header.endswith((")", "}")) else "init"
    if _TYPE.search(header) and not _AFTER_PARAMETERS.search(header):
        return "type"
    if _CONTROL.search(header) or not _AFTER_PARAMETERS.search(header):
        return "init"
    return "function"


def functions(source: str) -> list[Function]:
    """Every outermost function body, lambdas at namespace scope included, in order."""
    code = without_preprocessor(split(source)[0])
    found, header, header_at, position = [], "", None, 0
    while position < len(code):
        char = code[position]
        if char in ";}" or (char == ":" and re.search(r"(public|private|protected)\s*$", header)):
            header, header_at = "", None
        elif char == "{":
            kind = _opens(header.strip())
            if kind in ("function", "init"):
                end = _matching_brace(code, position)
                if kind == "function":
                    first = code.count("\n", 0, header_at) + 1
                    last = code.count("\n", 0, end) + 1
                    found.append(Function(_name(header), first, last))
                    header, header_at = "", None
                else:
                    header += "{}"
                position = end
            else:
                header, header_at = "", None
        else:
            if header_at is None and not char.isspace():
                header_at = position
            if header_at is not None:
                header += char
        position += 1
    return found


def _matching_brace(code: str, opening: int) -> int:
    depth = 0
    for brace in re.finditer(r"[{}]", code[opening:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return opening + brace.start()
    return len(code)


def _name(header: str) -> str:
    gtest = re.match(r"\s*TEST(?:_F|_P)?\s*\(\s*(\w+)\s*,\s*(\w+)", header)
    if gtest:
        return f"{gtest.group(1)}.{gtest.group(2)}"
    call = re.search(r"([\w:~]+|operator\s*\S+?)\s*\(", header)
    return call.group(1) if call else "lambda"
