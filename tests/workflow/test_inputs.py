"""Inputs of manual starts and calls: typed, defaulted, and every mistake told at once."""

from typing import Any

import pytest

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.inputs import resolve_inputs
from mayfly.workflow.model import Input


def one(item: Input, **given: Any) -> Any:
    return resolve_inputs([item], given, where="ci.yml")[item.name]


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("string", "x", "x"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("boolean", True, True),
        ("number", "3", 3),
        ("number", "2.5", 2.5),
        ("number", 7, 7),
        ("environment", "prod", "prod"),
    ],
)
def test_values_become_what_is_declared(kind: str, given: Any, value: Any) -> None:
    found = one(Input("i", kind), i=given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("boolean", "yes", "'i' must be true or false, not 'yes'"),
        ("number", "many", "'i' must be a number, not 'many'"),
        ("number", "inf", "'i' must be a number"),
        ("number", "nan", "'i' must be a number"),
        ("string", {"a": 1}, "'i' must be text"),
    ],
)
def test_values_of_the_wrong_type(kind: str, given: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        one(Input("i", kind), i=given)


def test_choices() -> None:
    item = Input("level", "choice", options=("low", "high"))
    assert one(item, level="high") == "high"
    assert one(item) == "low"
    with pytest.raises(InvalidInput, match="must be one of low, high, not 'mid'"):
        one(item, level="mid")


@pytest.mark.parametrize(
    ("item", "value"),
    [
        (Input("i", "string"), ""),
        (Input("i", "boolean"), False),
        (Input("i", "number"), 0),
        (Input("i", "environment"), ""),
        (Input("i", "string", default="d"), "d"),
        (Input("i", "string", required=True, default="d"), "d"),
        (Input("i", "boolean", default=True), True),
        (Input("i", "number", default="4"), 4),
    ],
)
def test_inputs_that_are_not_given(item: Input, value: Any) -> None:
    assert one(item) == value


def test_names_are_compared_without_case() -> None:
    assert one(Input("Name"), nAME="x") == "x"


def test_defaults_may_be_templates() -> None:
    found = resolve_inputs(
        [Input("ref", default="${{ github.ref }}")],
        {},
        where="ci.yml",
        evaluate=lambda text: text.replace("${{ github.ref }}", "main"),
    )
    assert found == {"ref": "main"}


def test_every_mistake_is_told_at_once() -> None:
    declared = [Input("level", "choice", options=("a",)), Input("name", required=True)]
    with pytest.raises(InvalidInput) as caught:
        resolve_inputs(declared, {"levle": "a", "level": "b"}, where="ci.yml")
    message = caught.value.message
    assert message.startswith("ci.yml: ")
    assert "unknown input 'levle'; did you mean 'level'?" in message
    assert "'level' must be one of a" in message
    assert "'name' is required" in message


def test_an_input_where_there_are_none() -> None:
    with pytest.raises(InvalidInput, match="unknown input 'x'; there are none"):
        resolve_inputs([], {"x": "1"}, where="ci.yml")
