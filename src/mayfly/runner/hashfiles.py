"""`hashFiles`: one digest over the files of the workspace that match patterns.

As GitHub's: SHA-256 over the SHA-256 of every matching file, in the order of a depth-first walk;
empty when nothing matches. `*` and `?` stay within a name, `**` crosses directories, a pattern
that begins with `!` takes matches of those before it away. Links to directories are not followed.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1024 * 1024
_GLOB = re.compile(r"[*?\[]")
_PART = re.compile(r"/\*\*(?=/|\Z)|\*\*/|\*\*|\*|\?|\[!?[^]]+\]|.", re.DOTALL)

_WILDCARDS = {"/**": "(?:/.*)?", "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class _Pattern:
    matches: re.Pattern[str]
    negated: bool
    root: Path


def hash_files(workspace: Path, patterns: Sequence[str]) -> str:
    """The digest in hexadecimal, or ''. OSError if a matching file cannot be read."""
    total = hashlib.sha256()
    found = False
    for file in _matching(workspace, _parsed(workspace, patterns)):
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while data := stream.read(_CHUNK):
                digest.update(data)
        total.update(digest.digest())
        found = True
    return total.hexdigest() if found else ""


def _parsed(workspace: Path, patterns: Sequence[str]) -> list[_Pattern]:
    lines = [line.strip() for pattern in patterns for line in pattern.splitlines()]
    return [_pattern(workspace, line) for line in lines if line and not line.startswith("#")]


def _pattern(workspace: Path, line: str) -> _Pattern:
    glob = line.lstrip("!")
    negated = (len(line) - len(glob)) % 2 == 1
    absolute = os.path.normpath(workspace / glob.strip())
    parts = Path(absolute).parts
    plain = next((i for i, part in enumerate(parts) if _GLOB.search(part)), len(parts))
    root = Path(*parts[:plain])
    expression = "".join(_translated(part) for part in _PART.findall(absolute))
    return _Pattern(re.compile(expression, re.DOTALL), negated, root)


def _translated(part: str) -> str:
    if part in _WILDCARDS:
        return _WILDCARDS[part]
    if part.startswith("[") and len(part) > 1:
        inner = part[1:-1]
        sign = "^" if inner.startswith("!") else ""
        return f"[{sign}{re.escape(inner.lstrip('!'))}]".replace(r"\-", "-")
    return re.escape(part)


def _matching(workspace: Path, patterns: list[_Pattern]) -> Iterator[Path]:
    seen: set[Path] = set()
    for root in dict.fromkeys(pattern.root for pattern in patterns if not pattern.negated):
        if not root.is_relative_to(workspace):
            continue
        for file in _files(root):
            if file not in seen and _wanted(file, patterns):
                seen.add(file)
                yield file


def _wanted(file: Path, patterns: list[_Pattern]) -> bool:
    wanted = False
    for pattern in patterns:
        if pattern.negated == wanted and _covers(pattern, file):
            wanted = not pattern.negated
    return wanted


def _covers(pattern: _Pattern, file: Path) -> bool:
    """Whether it matches the file or, as @actions/glob does, a directory above it."""
    return any(pattern.matches.fullmatch(str(path)) for path in (file, *file.parents))


def _files(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        if root.is_file():
            yield root
        return
    with os.scandir(root) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for child in children:
        if child.is_dir(follow_symlinks=False):
            yield from _files(Path(child.path))
        elif child.is_file():
            yield Path(child.path)
