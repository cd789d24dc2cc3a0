"""GitHub's filter patterns for branches, tags and paths.

    *   any characters but '/'        ?   the character before it, or nothing
    **  any characters                +   the character before it, once or more
    **/ any directories, or none      []  one of the characters listed or in a range
    !   first: takes back what the patterns before it matched
    \\   the next character as it is

Matching walks all states at once, so its cost is the product of the two lengths at worst.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

from mayfly.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class _Part:
    """One element: a set of characters, negated or not, that may be left out or repeated."""

    characters: frozenset[str]
    negated: bool = False
    optional: bool = False
    repeated: bool = False

    def accepts(self, character: str) -> bool:
        return (character in self.characters) is not self.negated


_ANY = _Part(frozenset(), negated=True, optional=True, repeated=True)
_ANY_IN_SEGMENT = _Part(frozenset("/"), negated=True, optional=True, repeated=True)
_SLASH = _Part(frozenset("/"))


class _Fork:
    """Consumes nothing; goes on with the next part, or skips it and the one after that."""


_Parts: TypeAlias = "tuple[_Part | _Fork, ...]"
_DIRECTORIES: _Parts = (_Fork(), _ANY, _SLASH)


class Glob:
    """One pattern, without a leading `!`."""

    def __init__(self, pattern: str):
        """InvalidInput if the pattern is not well formed."""
        self._parts = _parse(pattern)

    def matches(self, text: str) -> bool:
        """Whether the whole text matches, case included."""
        parts = self._parts
        states = _closure({0}, parts)
        for character in text:
            states = _closure(_step(states, character, parts), parts)
            if not states:
                return False
        return len(parts) in states


def any_match(patterns: Iterable[str], text: str) -> bool:
    """Whether any of the patterns matches; for `…-ignore` lists, where `!` means nothing."""
    return any(_glob(pattern).matches(text) for pattern in patterns)


def last_match(patterns: Sequence[str], text: str) -> bool:
    """What the last pattern that matches says: `!` takes back, another one takes in."""
    for pattern in reversed(patterns):
        negative = pattern.startswith("!")
        if _glob(pattern[negative:]).matches(text):
            return not negative
    return False


_glob = lru_cache(maxsize=1024)(Glob)


def _step(states: set[int], character: str, parts: _Parts) -> set[int]:
    following: set[int] = set()
    for state in states:
        part = parts[state] if state < len(parts) else None
        if isinstance(part, _Part) and part.accepts(character):
            following.add(state + 1)
            if part.repeated:
                following.add(state)
    return following


def _closure(states: set[int], parts: _Parts) -> set[int]:
    """With everything that can be reached from there without a character."""
    reached: set[int] = set()
    waiting = list(states)
    while waiting:
        state = waiting.pop()
        if state in reached:
            continue
        reached.add(state)
        part = parts[state] if state < len(parts) else None
        if isinstance(part, _Fork):
            waiting += (state + 1, state + 3)
        elif part is not None and part.optional:
            waiting.append(state + 1)
    return reached


def _parse(pattern: str) -> _Parts:
    parts: list[_Part | _Fork] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            parts += _DIRECTORIES
            at += 3
        elif character == "*":
            double = pattern.startswith("**", at)
            parts.append(_ANY if double else _ANY_IN_SEGMENT)
            at += 2 if double else 1
        elif character in "?+" and parts and isinstance(previous := parts[-1], _Part):
            optional = character == "?"
            parts[-1] = replace(
                previous,
                optional=previous.optional or optional,
                repeated=previous.repeated or not optional,
            )
            at += 1
        else:
            part, at = _single(pattern, at)
            parts.append(part)
    return tuple(parts)


def _single(pattern: str, at: int) -> tuple[_Part, int]:
    """One character, escaped or not, or a class of them, and where it ends."""
    character = pattern[at]
    if character == "\\" and at + 1 < len(pattern):
        return _Part(frozenset(pattern[at + 1])), at + 2
    if character != "[":
        return _Part(frozenset(character)), at + 1
    end = pattern.find("]", at + 1)
    if end < 0:
        raise InvalidInput(f"pattern '{pattern}': the '[' is not closed")
    return _Part(_class(pattern[at + 1 : end], pattern)), end + 1


def _class(body: str, pattern: str) -> frozenset[str]:
    characters: set[str] = set()
    at = 0
    while at < len(body):
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            first, last = body[at], body[at + 2]
            if not (first <= last and last.isascii()):
                raise InvalidInput(f"pattern '{pattern}': {first}-{last} is no range")
            characters.update(map(chr, range(ord(first), ord(last) + 1)))
            at += 3
        else:
            characters.add(body[at])
            at += 1
    if not characters:
        raise InvalidInput(f"pattern '{pattern}': nothing between '[' and ']'")
    return frozenset(characters)
