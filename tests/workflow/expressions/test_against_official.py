"""Our evaluator against GitHub's own, on random expressions and data.

The few places where they differ on purpose (see the package's docstring) are not generated; they
have tests of their own in test_differences.py.
"""

import math
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.oracle import NodeWorker
from tests.workflow.expressions.generator import CONTEXTS, expression, numbers, texts, values

from mayfly.workflow.expressions import (
    SIGNATURES,
    ExpressionError,
    Functions,
    Value,
    is_truthy,
    parse,
    to_number,
    to_string,
)
from mayfly.workflow.expressions.numerals import print_exactly

FUNCTIONS: Functions = {
    "success": lambda *_: True,
    "always": lambda: True,
    "failure": lambda *_: False,
    "cancelled": lambda: False,
    "hashFiles": lambda *patterns: "+".join(map(to_string, patterns)),
}

often = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def official() -> Iterator[NodeWorker]:
    with NodeWorker("expressions.mjs") as worker:
        yield worker


def encoded(value: Value) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return {"a": [encoded(item) for item in value]}
    if isinstance(value, dict):
        return {"o": [[key, encoded(item)] for key, item in value.items()]}
    return {"n": printed(value)}


def printed(number: float) -> str:
    return "-0" if number == 0 and math.copysign(1, number) < 0 else print_exactly(number)


def assert_same(official: NodeWorker, text: str, contexts: dict[str, Value]) -> None:
    theirs = official.ask({"expression": text, "contexts": encoded(contexts)})
    try:
        value = parse(text).evaluate(contexts, FUNCTIONS)
    except ExpressionError as error:
        ours: dict[str, Any] = {"error": error.message}
    else:
        ours = {
            "value": encoded(value),
            "text": to_string(value),
            "number": printed(to_number(value)),
            "truthy": is_truthy(value),
        }
    both_refuse = "error" in ours and "error" in theirs
    assert both_refuse or ours == theirs, text


@settings(often, max_examples=3000)
@given(random=st.randoms(use_true_random=True), depth=st.integers(0, 3))
def test_random_expressions(official: NodeWorker, random: Random, depth: int) -> None:
    assert_same(official, expression(random, depth), CONTEXTS)


TOKENS = ["github", "inputs", "name", "true", "format(", "contains(", "(", ")", "[", "]", ".", "*"]
TOKENS += [",", "!", "==", "<", "&&", "||", "&", "=", "1", "-", "0x", "'a'", "''", "'", '"', "$"]
TOKENS += ["é", "\u00a0", "\n", " "]


@often
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=8))
@example(["github", "[*]", ".a"])
def test_random_tokens(official: NodeWorker, tokens: list[str]) -> None:
    text = "".join(tokens)
    assume(re.search(r",\s*\)", text) is None)  # npm accepts a comma before ")"
    assume(text.count("''") < 2)  # npm unescapes the first quote only
    assume(text.strip())  # npm has no value for an expression of nothing
    contexts: dict[str, Value] = {"github": {"name": ["x", {"a": 1.0}]}, "inputs": None}
    assume(uses_only_known_names(text, contexts))  # npm refuses others while parsing
    assert_same(official, text, contexts)


def uses_only_known_names(text: str, contexts: dict[str, Value]) -> bool:
    try:
        parsed = parse(text)
    except ExpressionError:
        return True
    return all(reference.context in contexts for reference in parsed.references) and all(
        call.name.lower() in SIGNATURES for call in parsed.calls
    )


@often
@given(number=numbers)
@example(1 / 65536)  # half way between two numbers of 15 decimals
@example(-1 / 65536)
@example(123456789.123456789)
@example(5e-16)
@example(1e21)
@example(999999999999999900000.0)
def test_numbers_print_the_same(official: NodeWorker, number: float) -> None:
    assert_same(official, "n", {"n": number})
    assert_same(official, "toJSON(n)", {"n": number})


@often
@given(text=st.text(alphabet="0123456789.eE+-xXoObBaf_Ininty \t\n\u00a0\ufeff\x1c", max_size=8))
@example("0x" + "f" * 300)
@example("\u2028 12 \u3000")
@example("1_000")
@example("\u0661")  # a digit, but not of ASCII
def test_texts_make_the_same_numbers(official: NodeWorker, text: str) -> None:
    assert_same(official, "text", {"text": text})


@often
@given(left=texts, right=texts, operator=st.sampled_from(["==", "<", ">="]))
@example("\uffee", "\U0001f600", "<")  # order by UTF-16 units differs from order by characters
def test_texts_compare_the_same(official: NodeWorker, left: str, right: str, operator: str) -> None:
    contexts: dict[str, Value] = {"left": left, "right": right}
    assert_same(official, f"left {operator} right", contexts)
    for function in ("contains", "startsWith", "endsWith"):
        assert_same(official, f"{function}(left, right)", contexts)


@often
@given(value=values)
def test_json_is_written_and_read_the_same(official: NodeWorker, value: Value) -> None:
    assert_same(official, "toJSON(value)", {"value": value})
    assert_same(official, "fromJSON(toJSON(value))", {"value": value})


@pytest.mark.parametrize("depth", range(44, 53))
@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("(", ")"),
        ("!", ""),
        ("join(", ")"),
        ("github[", "]"),
        ("true && (", ")"),
        ("false || true && !(", ")"),
        ("(1 < 2) == (", ")"),
    ],
)
def test_depth_is_counted_the_same(
    official: NodeWorker, depth: int, opening: str, closing: str
) -> None:
    for levels in (depth, depth // 2, depth // 3, depth // 4):
        assert_same(official, opening * levels + "1" + closing * levels, {"github": {}})


@pytest.mark.parametrize("depth", range(46, 53))
@pytest.mark.parametrize("access", [".a", "['a']", ".*", "[*]"])
def test_depth_of_accesses_is_counted_the_same(
    official: NodeWorker, depth: int, access: str
) -> None:
    assert_same(official, "github" + access * depth, {"github": {}})
    assert_same(official, f"!(github{access * (depth - 3)})", {"github": {}})
