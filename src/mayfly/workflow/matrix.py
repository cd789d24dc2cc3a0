"""A job's matrix, its expressions evaluated, to the combinations it stands for.

The rules are GitHub's: `exclude` removes combinations, then each entry of `include` extends every
original combination whose values it does not change, or else is a combination of its own.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.expressions import to_string

Combination: TypeAlias = dict[str, Any]

MAX_COMBINATIONS = 256
_MAX_BEFORE_EXCLUDE = 65_536
_MAX_NAME = 100


def expand(matrix: Mapping[str, Any]) -> tuple[Combination, ...]:
    """Every combination in GitHub's order: the first key varies slowest, then what `include` adds.

    InvalidInput if the matrix is malformed, leaves nothing, or makes more than 256 combinations;
    too many are noticed without making them.
    """
    vectors = {key: _vector(key, value) for key, value in matrix.items() if key not in _SPECIAL}
    excludes = _entries(matrix, "exclude")
    for entry in excludes:
        if unknown := entry.keys() - vectors.keys():
            raise InvalidInput(
                f"matrix: exclude names '{min(unknown)}', which is not in the matrix"
            )
    originals = _originals(vectors, excludes)
    combinations = [*_included(originals, _entries(matrix, "include"))]
    if len(combinations) > MAX_COMBINATIONS:
        raise _too_many(len(combinations))
    if not combinations:
        raise InvalidInput("matrix: no combination is left to run")
    return tuple(combinations)


def display_values(combination: Combination) -> tuple[str, ...]:
    """The texts that GitHub shows after the job's name; lists and objects give their leaves."""
    return tuple(text for text in map(to_string, _leaves(combination)) if text.strip())


def display_name(name: str, combination: Combination) -> str:
    """`test (ubuntu, 3.12)`, cut at 100 characters as GitHub does."""
    values = display_values(combination)
    shown = f"{name} ({', '.join(values)})" if values else name
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 3] + "..."


def is_selected(combination: Combination, wanted: Mapping[str, frozenset[str]]) -> bool:
    """Whether every wanted key that the combination has holds one of the wanted values."""
    return all(
        to_string(combination[key]) in values
        for key, values in wanted.items()
        if key in combination
    )


_SPECIAL = frozenset({"include", "exclude"})


def _vector(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(f"matrix: '{key}' must be a list, not {_described(value)}")
    if not value:
        raise InvalidInput(f"matrix: '{key}' has no values")
    return value


def _entries(matrix: Mapping[str, Any], key: str) -> list[Combination]:
    entries = matrix.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidInput(f"matrix: '{key}' must be a list of mappings")
    return entries


def _originals(vectors: dict[str, list[Any]], excludes: list[Combination]) -> list[Combination]:
    if not vectors:
        return []
    count = math.prod(map(len, vectors.values()))
    if count > (_MAX_BEFORE_EXCLUDE if excludes else MAX_COMBINATIONS):
        raise _too_many(count)
    kept: list[Combination] = []
    for values in itertools.product(*vectors.values()):
        combination = dict(zip(vectors, values, strict=True))
        if not any(_matches(combination, entry) for entry in excludes):
            kept.append(combination)
            if len(kept) > MAX_COMBINATIONS:
                raise _too_many(count)
    return kept


def _included(originals: list[Combination], includes: list[Combination]) -> Iterator[Combination]:
    extended = [dict(original) for original in originals]
    alone: list[Combination] = []
    for entry in includes:
        fitting = [
            combination
            for original, combination in zip(originals, extended, strict=True)
            if all(_same(original[key], entry[key]) for key in original.keys() & entry.keys())
        ]
        for combination in fitting:
            combination.update(entry)
        if not fitting:
            alone.append(dict(entry))
    yield from extended
    yield from alone


def _matches(value: Any, pattern: Any) -> bool:
    """Whether `value` has everything in `pattern`; mappings may have more."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and _matches(value[key], part) for key, part in pattern.items()
        )
    return _same(value, pattern)


def _same(left: Any, right: Any) -> bool:
    """Equal as values; scalars are compared as the text they print as, so 3 is '3'."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return False
    return to_string(left) == to_string(right)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _described(value: Any) -> str:
    return "a mapping" if isinstance(value, dict) else f"'{to_string(value)}'"


def _too_many(count: int) -> InvalidInput:
    return InvalidInput(
        f"matrix: {count} combinations; at most {MAX_COMBINATIONS} are allowed",
        remedy="split the job, or exclude combinations",
    )
