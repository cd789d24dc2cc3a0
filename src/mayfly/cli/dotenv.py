"""Reads files of `NAME=value` lines, as `--secret-file` takes them.

    # a comment
    export PLAIN=value to the end of the line     # a comment after a blank
    SINGLE='as it stands, over
    several lines if need be'
    DOUBLE="with \\n, \\t, \\" and \\\\"

Errors name the line and never what stands in it.
"""

import re

from mayfly.domain.errors import InvalidInput

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SINGLE = re.compile(r"'(?P<text>[^']*)'")
_DOUBLE = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN = re.compile(r"(?P<text>[^\n]*)")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|$)")
_EMPTY = re.compile(r"[ \t]*(?:#[^\n]*)?\n|[ \t]*(?:#[^\n]*)?$")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def parse_dotenv(text: str, file: str) -> dict[str, str]:
    """Names to values; the last of a name counts. InvalidInput names `file` and the line."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if empty := _EMPTY.match(text, at):
            at = empty.end()
            continue
        name = _NAME.match(text, at)
        if name is None:
            raise _wrong(file, text, at, "is not NAME=value")
        value, at = _value(text, name.end(), file)
        found[name["name"]] = value
    return found


def _value(text: str, at: int, file: str) -> tuple[str, int]:
    quote = text[at : at + 1]
    if quote not in {"'", '"'}:
        plain = _PLAIN.match(text, at)
        assert plain is not None  # it matches the empty string
        return _COMMENT.sub("", plain["text"]).strip(), plain.end() + 1
    found = (_SINGLE if quote == "'" else _DOUBLE).match(text, at)
    if found is None:
        raise _wrong(file, text, at, f"opens a {quote} that is never closed")
    rest = _REST.match(text, found.end())
    if rest is None:
        raise _wrong(file, text, at, f"goes on after the closing {quote}")
    value = found["text"]
    if quote == '"':
        value = _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), value)
    return value, rest.end()


def _wrong(file: str, text: str, at: int, problem: str) -> InvalidInput:
    line = text.count("\n", 0, at) + 1
    return InvalidInput(
        f"{file}:{line}: this line {problem}", remedy="write NAME=value, quoted if it needs to be"
    )
