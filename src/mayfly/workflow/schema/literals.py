"""Checks of single texts: identifiers, `uses`, shells, cron lines, filter patterns, numbers.

Each returns what is wrong, or None.
"""

import re

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.globs import Glob

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST_ID = 99
_REMOTE = re.compile(r"[\w.-]+/[\w.-]+(/[^@\s]+)?@\S+")
_CALLED = re.compile(r"[\w.-]+/[\w.-]+/\.github/workflows/[^@/\s]+\.ya?ml@\S+")
_CALLED_HERE = re.compile(r"\./\.github/workflows/[^@/\s]+\.ya?ml")
_SHELLS = ("bash", "sh", "pwsh", "python", "cmd", "powershell")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: at + 1 for at, name in enumerate(_MONTHS)}),
    ("day of the week", 0, 6, {name: at for at, name in enumerate(_DAYS)}),
)


def identifier(text: str) -> str | None:
    """The id of a job or step."""
    if not _ID.fullmatch(text) or len(text) > _LONGEST_ID:
        return (
            f"'{text[:_LONGEST_ID]}' is not an id: a letter or '_', then letters, digits, '_' and "
            f"'-', {_LONGEST_ID} at most"
        )
    if text.startswith("__"):
        return f"'{text}' is not an id: those that begin with '__' are reserved"
    return None


def secret_name(text: str) -> str | None:
    if text.upper() == "GITHUB_TOKEN":
        return "'GITHUB_TOKEN' is reserved: every workflow has it"
    return None


def step_uses(text: str) -> str | None:
    if text.startswith("docker://"):
        return None if len(text) > len("docker://") else "'docker://' names no image"
    if text.startswith(("./", ".\\", "$/")) or _REMOTE.fullmatch(text):
        return None
    return (
        f"'{text}' names no action: write 'owner/repository@ref', "
        "'owner/repository/path@ref', './path' or 'docker://image'"
    )


def called_workflow(text: str) -> str | None:
    if _CALLED.fullmatch(text) or _CALLED_HERE.fullmatch(text):
        return None
    return (
        f"'{text}' names no workflow: write './.github/workflows/file.yml' or "
        "'owner/repository/.github/workflows/file.yml@ref'"
    )


def shell(text: str) -> str | None:
    if text in _SHELLS or "{0}" in text:
        return None
    return f"'{text}' is not a shell: one of {', '.join(_SHELLS)}, or a command with '{{0}}' in it"


def positive(text: str) -> str | None:
    return None if float(text) > 0 else f"{text} is not above 0"


def positive_integer(text: str) -> str | None:
    return None if float(text) >= 1 and float(text).is_integer() else f"{text} is not 1, 2, 3…"


def cron(text: str) -> str | None:
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        return f"'{text}' is not a cron line: it has {len(fields)} fields, not 5"
    for field, (name, least, most, words) in zip(fields, _CRON_FIELDS, strict=True):
        if not all(_cron_part(part, least, most, words) for part in field.split(",")):
            return f"'{text}' is not a cron line: '{field}' is no {name} ({least}-{most})"
    return None


def _cron_part(part: str, least: int, most: int, words: dict[str, int]) -> bool:
    """`*`, a number or name, or a range, with an optional `/step`."""

    def number(text: str) -> int:
        given = words.get(text.lower())
        if given is None:
            given = int(text) if text.isascii() and text.isdigit() else -1
        return given if least <= given <= most else -1

    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and 0 < int(step) <= max(most, 1)):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    if not dash:
        return number(first) >= 0
    return 0 <= number(first) <= number(last)


def pattern(text: str) -> str | None:
    """A filter for branches, tags or paths."""
    body = text.removeprefix("!")
    if not body:
        return f"pattern '{text}': nothing follows the '!'"
    try:
        Glob(body)
    except InvalidInput as error:
        return error.message
    return None
