"""Where we differ from npm's evaluator on purpose; each line of the package's docstring."""

import pytest
from tests.oracle import NodeWorker

from mayfly.workflow.expressions import ExpressionError, Value, parse


def official(expression: str, contexts: dict[str, str] | None = None) -> Value:
    """What npm's evaluator says, "error" if it refuses."""
    pairs = list((contexts or {}).items())
    with NodeWorker("expressions.mjs") as worker:
        answer = worker.ask({"expression": expression, "contexts": {"o": pairs}})
    value: Value = "error" if "error" in answer else answer["value"]
    return value


def test_every_doubled_quote_is_an_escape() -> None:
    assert parse("'a''b''c'").evaluate({}) == "a'b'c"
    assert official("'a''b''c'") == "a'b''c"


def test_case_evaluates_only_the_branch_it_takes() -> None:
    assert parse("case(true, 'a', fromJSON('{'))").evaluate({}) == "a"
    assert official("case(true, 'a', fromJSON('{'))") == "error"


def test_no_comma_before_a_closing_parenthesis() -> None:
    with pytest.raises(ExpressionError):
        parse("join('a',)")
    assert official("join('a',)") == "a"


def test_placeholders_hold_digits_only() -> None:
    with pytest.raises(ExpressionError, match="no placeholder"):
        parse("format('{0:x}', 'a')").evaluate({})
    assert official("format('{0:x}', 'a')") == "a"


def test_keys_keep_their_order_and_may_have_any_name() -> None:
    text = """toJSON(fromJSON('{"b": 1, "1": 2, "constructor": 3}'))"""
    assert parse(text).evaluate({}) == '{\n  "b": 1,\n  "1": 2,\n  "constructor": 3\n}'
    assert official(text) == '{\n  "1": 2,\n  "b": 1\n}'


def test_the_exact_key_wins() -> None:
    contexts: dict[str, Value] = {"env": {"path": "lower", "PATH": "upper"}}
    assert parse("env.PATH").evaluate(contexts) == "upper"
    assert parse("env.path").evaluate(contexts) == "lower"
    assert parse("env.Path").evaluate(contexts) == "lower"
