"""The semantics by hand: a table of expressions and their values."""

import math

import pytest

from mayfly.workflow.expressions import ExpressionError, FunctionFailed, Functions, Value, parse

SHARED: dict[str, Value] = {"Key": "value"}
CONTEXTS: dict[str, Value] = {
    "github": {
        "ref_name": "main",
        "event": {"labels": [{"name": "Bug"}, {"name": "arm64"}, {"id": 3.0}]},
        "run_number": 7,
    },
    "steps": {"build": {"outputs": {"digest": "abc"}}, "test": {"outputs": {"digest": "def"}}},
    "list": [1.0, 2.0, [3.0, {"a": 4.0}]],
    "same": [SHARED, SHARED],
    "empty": {},
}


def value_of(text: str, functions: Functions | None = None) -> Value:
    return parse(text).evaluate(CONTEXTS, functions or {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # literals
        ("null", None),
        ("true", True),
        ("1.5", 1.5),
        ("-.5e1", -5.0),
        ("0xfF", 255.0),
        ("0o17", 15.0),
        ("+Infinity", math.inf),
        ("'it''s ''quoted'''", "it's 'quoted'"),
        # access
        ("github.ref_name", "main"),
        ("GITHUB.REF_NAME", "main"),
        ("github['Ref_Name']", "main"),
        ("github.run_number", 7.0),
        ("github.nothing.at.all", None),
        ("unknown.context", None),
        ("list[1]", 2.0),
        ("list['1']", 2.0),
        ("list[1.9]", 2.0),
        ("list[true]", 2.0),
        ("list[null]", 1.0),
        ("list[-1]", None),
        ("list[3]", None),
        ("list.length", None),
        ("list[2][1].a", 4.0),
        ("(github).ref_name", "main"),
        ("fromJSON('[5]')[0]", 5.0),
        ("github.null", None),
        # filters
        ("github.event.labels.*.name", ["Bug", "arm64"]),
        ("github.event.labels[*]['id']", [3.0]),
        ("steps.*.outputs.digest", ["abc", "def"]),
        ("steps.*.outputs.*", ["abc", "def"]),
        ("list.*[0]", [3.0]),
        ("(steps.*)[0]", []),
        ("github.ref_name.*", []),
        # logic
        ("github.ref_name == 'main' && 'yes' || 'no'", "yes"),
        ("false && 'yes' || 'no'", "no"),
        ("null || 0 || ''", ""),
        ("!''", True),
        ("!empty", False),
        ("!NaN", True),
        ("!!'false'", True),
        ("true || unknown()", True),
        ("1 < 2 == true", True),
        ("1 == 1 == 1", True),
        ("3 > 2 > 1", False),
        ("!true == false", True),
        ("false && true || true", True),
        ("true || true && false", True),
        # comparison
        ("'ABC' == 'abc'", True),
        ("'a' < 'B'", True),
        ("'straße' == 'STRASSE'", True),
        ("null == 0", True),
        ("null == ''", True),
        ("null == false", True),
        ("null < 1", True),
        ("null >= null", True),
        ("null > null", False),
        ("true == 1", True),
        ("true == 'true'", False),
        ("'1' == 1", True),
        ("' 0x10 ' == 16", True),
        ("'x' == 0", False),
        ("NaN == NaN", False),
        ("NaN != NaN", True),
        ("-0 == 0", True),
        ("empty == empty", True),
        ("same[0] == same[1]", True),
        ("fromJSON('{}') == fromJSON('{}')", False),
        ("empty == null", False),
        ("empty < empty", False),
        ("empty <= empty", True),
        ("empty == 'Object'", False),
    ],
)
def test_values(text: str, expected: Value) -> None:
    assert value_of(text) == expected
    assert type(value_of(text)) in {type(expected), *type(expected).__subclasses__()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contains('Hello', 'ELL')", True),
        ("contains(12345, 34)", True),
        ("contains(github.event.labels.*.name, 'bug')", True),
        ("contains(github.event.labels.*.name, 'bu')", False),
        ("contains(list, '2')", True),
        ("contains(list, list[2])", True),
        ("contains(empty, 'Object')", False),
        ("startsWith('Refs/tags', 'refs/')", True),
        ("endsWith('a.TAR', '.tar')", True),
        ("startsWith(list, 'Array')", False),
        ("format('{0}-{1}-{0}', 'a', true)", "a-true-a"),
        ("format('{{{0}}}', 1)", "{1}"),
        ("format('{001}', 'a', 'b')", "b"),
        ("format(list)", "Array"),
        ("join(list)", "1,2,Array"),
        ("join(list, '')", "12Array"),
        ("join(list, empty)", "1,2,Array"),
        ("join('text', '-')", "text"),
        ("join(empty)", ""),
        ("toJSON(list)", '[\n  1,\n  2,\n  [\n    3,\n    {\n      "a": 4\n    }\n  ]\n]'),
        ("toJSON(empty)", "{}"),
        ("toJSON('a\"\u00e9\n')", '"a\\"\u00e9\\n"'),
        ("toJSON(NaN)", "null"),
        ("toJSON(0.1)", "0.1"),
        ("fromJSON('{\"a\": [1, null]}')", {"a": [1.0, None]}),
        ('fromJSON(\'{"a": 1, "A": 2}\').A', 1.0),
        ("fromJSON(12)", 12.0),
        ("case(false, 1, true, 2, 3)", 2.0),
        ("case(false, 1, 3)", 3.0),
        ("CONTAINS('a', 'A')", True),
    ],
)
def test_functions(text: str, expected: Value) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("true && fromJSON('{')", "not JSON", 8),
        ("fromJSON('NaN')", "NaN is not a JSON value", 0),
        ("fromJSON(null)", "empty", 0),
        ("format('{1}', 'a')", "refers to {1}, but only 1", 0),
        ("format('{99999999999999999999}')", "refers to", 0),
        ("format('a}')", "no placeholder", 0),
        ("format('{')", "no placeholder", 0),
        ("1 == case('true', 1, 2)", "must be true or false", 5),
        ("success()", "no function 'success'", 0),
        ("1 && Nope(1)", "no function 'Nope'", 5),
    ],
)
def test_evaluation_errors_say_where(text: str, message: str, position: int) -> None:
    with pytest.raises(ExpressionError, match=message.replace("{", r"\{")) as caught:
        value_of(text)
    assert caught.value.position == position


def test_supplied_functions_get_values_and_are_found_without_case() -> None:
    seen: list[tuple[Value, ...]] = []

    def hash_files(*patterns: Value) -> Value:
        seen.append(patterns)
        return 3

    assert value_of("HASHFILES('a', list[0])", {"hashFiles": hash_files}) == 3.0
    assert seen == [("a", 1.0)]


def test_a_supplied_function_may_refuse() -> None:
    def refuse(*_: Value) -> Value:
        raise FunctionFailed("hashFiles: no such folder")

    with pytest.raises(ExpressionError, match="no such folder") as caught:
        value_of("1 && hashFiles('x')", {"hashFiles": refuse})
    assert caught.value.position == 5
