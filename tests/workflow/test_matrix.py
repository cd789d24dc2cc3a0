"""GitHub's documented matrices, and a brute-force model of include and exclude."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.matrix import display_name, display_values, expand, is_selected


def test_the_first_key_varies_slowest() -> None:
    assert expand({"version": [10, 12], "os": ["a", "b"]}) == (
        {"version": 10, "os": "a"},
        {"version": 10, "os": "b"},
        {"version": 12, "os": "a"},
        {"version": 12, "os": "b"},
    )


def test_include_as_documented() -> None:
    matrix = {
        "fruit": ["apple", "pear"],
        "animal": ["cat", "dog"],
        "include": [
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    }
    assert expand(matrix) == (
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    )


def test_exclude_as_documented() -> None:
    matrix = {
        "os": ["macos-latest", "windows-latest"],
        "version": [12, 14, 16],
        "environment": ["staging", "production"],
        "exclude": [
            {"os": "macos-latest", "version": 12, "environment": "production"},
            {"os": "windows-latest", "version": 16},
        ],
    }
    found = expand(matrix)
    assert len(found) == 9
    assert {"os": "windows-latest", "version": 16} not in [
        {key: one[key] for key in ("os", "version")} for one in found
    ]


def test_include_alone_makes_a_combination_each() -> None:
    assert expand({"include": [{"a": 1}, {"a": 2, "b": 3}]}) == ({"a": 1}, {"a": 2, "b": 3})


def test_include_comes_after_exclude_and_may_bring_back() -> None:
    matrix = {"a": [1, 2], "exclude": [{"a": 1}], "include": [{"a": 1, "b": 5}]}
    assert expand(matrix) == ({"a": 2}, {"a": 1, "b": 5})


def test_objects_as_values() -> None:
    matrix = {
        "node": [{"version": 14}, {"version": 20, "env": "X=1"}],
        "exclude": [{"node": {"version": 14}}],
    }
    assert expand(matrix) == ({"node": {"version": 20, "env": "X=1"}},)


def test_numbers_and_their_texts_are_the_same_value() -> None:
    assert expand({"v": [3.1, 4], "exclude": [{"v": "3.1"}]}) == ({"v": 4},)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ({"a": []}, "'a' has no values"),
        ({"a": "x"}, "'a' must be a list, not 'x'"),
        ({"a": {"b": 1}}, "'a' must be a list, not a mapping"),
        ({"a": [1], "include": ["x"]}, "'include' must be a list of mappings"),
        ({"a": [1], "exclude": {"a": 1}}, "'exclude' must be a list of mappings"),
        ({"a": [1], "exclude": [{"b": 1}]}, "exclude names 'b'"),
        ({"a": [1], "exclude": [{"a": 1}]}, "no combination is left"),
        ({}, "no combination is left"),
    ],
)
def test_mistakes(matrix: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        expand(matrix)


@pytest.mark.parametrize(
    ("matrix", "count"),
    [
        ({"a": list(range(257))}, 257),
        ({"a": list(range(100)), "b": list(range(100))}, 10_000),
        ({key: list(range(1000)) for key in "abcdefgh"}, 10**24),
        ({"a": list(range(250)), "b": list(range(2)), "exclude": [{"a": 1}]}, 500),
        ({key: list(range(1000)) for key in "abc"} | {"exclude": [{"a": 1}]}, 10**9),
        ({"include": [{"a": n} for n in range(300)]}, 300),
    ],
)
def test_more_than_256_are_refused_without_making_them(matrix: dict[str, Any], count: int) -> None:
    with pytest.raises(InvalidInput, match=f"{count} combinations; at most 256"):
        expand(matrix)


def test_excluding_enough_of_many_is_fine() -> None:
    kept = {"a": list(range(300)), "exclude": [{"a": n} for n in range(44)]}
    assert len(expand(kept)) == 256


@pytest.mark.parametrize(
    ("combination", "name"),
    [
        ({"os": "ubuntu", "py": 3.12}, "test (ubuntu, 3.12)"),
        ({"a": True, "b": None, "c": ""}, "test (true)"),
        ({"a": {"x": 1, "y": ["p", "q"]}}, "test (1, p, q)"),
        ({"a": ""}, "test"),
    ],
)
def test_display_names(combination: dict[str, Any], name: str) -> None:
    assert display_name("test", combination) == name


def test_long_names_are_cut_at_100_characters() -> None:
    name = display_name("test", {"a": "x" * 200})
    assert len(name) == 100
    assert name.endswith("x...")
    assert display_values({"a": "x" * 200}) == ("x" * 200,)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [({}, True), ({"py": {"3.12"}}, True), ({"py": {"3.11"}}, False), ({"no": {"x"}}, True)],
)
def test_selecting_by_value(wanted: dict[str, set[str]], expected: bool) -> None:
    filters = {key: frozenset(values) for key, values in wanted.items()}
    assert is_selected({"os": "ubuntu", "py": 3.12}, filters) is expected


values = st.integers(0, 2)
entries = st.dictionaries(st.sampled_from("abcx"), values, max_size=3)
vectors = st.dictionaries(
    st.sampled_from("abc"), st.lists(values, min_size=1, max_size=3, unique=True), min_size=1
)


@settings(deadline=None)
@given(vectors, st.lists(entries, max_size=4), st.data())
def test_it_agrees_with_brute_force(
    matrix: dict[str, list[int]], includes: list[dict[str, int]], data: st.DataObject
) -> None:
    partial = st.dictionaries(st.sampled_from(sorted(matrix)), values, min_size=1, max_size=2)
    excludes = data.draw(st.lists(partial, max_size=2))
    originals = [
        dict(zip(matrix, chosen, strict=True)) for chosen in itertools.product(*matrix.values())
    ]
    originals = [
        one for one in originals if not any(one.items() >= entry.items() for entry in excludes)
    ]
    model = [dict(one) for one in originals]
    extra = []
    for entry in includes:
        hit = False
        for one, copy in zip(originals, model, strict=True):
            if {**one, **entry}.items() >= one.items():
                copy.update(entry)
                hit = True
        if not hit:
            extra.append(entry)
    whole = {**matrix, "include": includes, "exclude": excludes}
    if model or extra:
        assert list(expand(whole)) == model + extra
    else:
        with pytest.raises(InvalidInput):
            expand(whole)
