"""Reads the values of options: what a person typed to what the planner takes.

Each function notes what is wrong and goes on, so that a command line is complained about once.
"""

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mayfly.cli.complaints import Complaints
from mayfly.cli.dotenv import parse_dotenv
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MATRIX = re.compile(r"(?P<key>[^=:]+)[=:](?P<value>.*)", re.DOTALL)
_PAYLOAD_LIMIT = 25 * 1024 * 1024  # bytes; GitHub's own bound

Ask = Callable[[str], str | None]
"""Asks a person for a secret; None when nobody can be asked."""


def ask_on_terminal(name: str) -> str | None:
    """Without echo, on the terminal itself, so that redirected output stays clean."""
    if not sys.stdin.isatty():
        return None
    return getpass.getpass(f"Value of secret {name}: ")


def legs(texts: Iterable[str], complaints: Complaints) -> tuple[Architecture | None, ...]:
    """`amd64,arm64` or repeated; (None,), as labelled, when there is none."""
    found: dict[Architecture | None, None] = {}
    for text in (part for whole in texts for part in whole.split(",")):
        try:
            found[Architecture.parse(text)] = None
        except ValueError as error:
            complaints.add(f"--arch: {error}")
    return tuple(found) or (None,)


def pairs(option: str, texts: Iterable[str], complaints: Complaints) -> dict[str, str]:
    """NAME=VALUE; NAME alone takes its value from the environment."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and name in os.environ:
            value, equals = os.environ[name], "="
        if not equals or not name:
            complaints.add(
                f"{option} {text!r} is not NAME=VALUE"
                + ("" if not name else f", and the environment has no {name}")
            )
        else:
            found[name] = value
    return found


def variables(option: str, texts: Iterable[str], complaints: Complaints) -> dict[str, str]:
    """The same for names that are variables of an environment."""
    found = pairs(option, texts, complaints)
    for name in found:
        if not _VARIABLE.fullmatch(name):
            complaints.add(f"{option}: {name!r} cannot be the name of a variable")
    return found


def matrix(texts: Iterable[str], complaints: Complaints) -> dict[str, frozenset[str]]:
    """KEY=VALUE or KEY:VALUE; several values of a key are alternatives."""
    found: dict[str, frozenset[str]] = {}
    for text in texts:
        split = _MATRIX.fullmatch(text)
        if split is None:
            complaints.add(f"--matrix {text!r} is not KEY=VALUE")
        else:
            key = split["key"]
            found[key] = found.get(key, frozenset()) | {split["value"]}
    return found


def secrets(
    texts: Iterable[str], files: Iterable[Path], complaints: Complaints, ask: Ask = ask_on_terminal
) -> dict[str, str]:
    """Those of files first; `--secret NAME` alone takes the environment's, or asks.

    No value is ever part of a complaint.
    """
    found: dict[str, str] = {}
    for path in files:
        with complaints.noted():
            found |= parse_dotenv(_read(path, "--secret-file").decode(errors="replace"), str(path))
    for text in texts:
        name, equals, value = text.partition("=")
        if not _VARIABLE.fullmatch(name):
            complaints.add(
                "--secret takes NAME or NAME=VALUE; a name has letters, digits and underscores"
            )
            continue
        given = value if equals else os.environ.get(name)
        given = ask(name) if given is None else given
        if given is None:
            complaints.add(
                f"there is no value for secret {name}",
                f"set {name} in the environment, use --secret-file, or run in a terminal",
            )
        else:
            found[name] = given
    return found


def payload(path: Path | None, complaints: Complaints) -> Mapping[str, Any] | None:
    """The JSON object of `--event-file`."""
    if path is None:
        return None
    with complaints.noted():
        try:
            document = json.loads(_read(path, "--event-file"))
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"--event-file {path} is not JSON: {error}") from error
        if isinstance(document, dict):
            return document
        raise InvalidInput(f"--event-file {path} holds no JSON object")
    return None


def _read(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_PAYLOAD_LIMIT + 1)
    except OSError as error:
        raise InvalidInput(f"{option} {path}: {error.strerror}") from error
    if len(data) > _PAYLOAD_LIMIT:
        raise InvalidInput(f"{option} {path} is over {_PAYLOAD_LIMIT >> 20} MiB")
    return data
