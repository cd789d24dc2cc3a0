"""Templates to values, and errors that name their key."""

from collections.abc import Callable
from typing import Any

import pytest

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.evaluate import Evaluator, asks_status, condition_mentions, mentions

EVALUATOR = Evaluator({"vars": {"n": 5, "yes": True, "list": [1], "text": "t", "map": {"a": 1}}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${{ vars.n }}", 5),
        ("n=${{ vars.n }}", "n=5"),
        ("${{ vars.list }}", [1]),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert EVALUATOR.value(text, "key") == value


def test_trees_are_evaluated_throughout() -> None:
    tree = {"a": ["${{ vars.n }}", True], "b": {"c": "${{ vars.text }}"}, "d": 1.5}
    assert EVALUATOR.tree(tree, "key") == {"a": [5, True], "b": {"c": "t"}, "d": 1.5}


def test_mappings_may_be_one_expression() -> None:
    assert EVALUATOR.texts("${{ vars.map }}", "env") == {"a": "1"}
    assert EVALUATOR.texts({"a": "${{ vars.n }}"}, "env") == {"a": "5"}


@pytest.mark.parametrize(
    ("text", "value"), [(None, False), ("true", True), ("${{ vars.yes }}", True)]
)
def test_booleans(text: str | None, value: bool) -> None:
    assert EVALUATOR.boolean(text, "key") is value


def test_numbers() -> None:
    assert EVALUATOR.number("${{ vars.n }}", "key") == 5
    assert EVALUATOR.number("2.5", "key") == 2.5


def test_conditions() -> None:
    evaluator = Evaluator(EVALUATOR.contexts, {"success": lambda: True})
    assert evaluator.condition("vars.n == 5", "if")
    assert not evaluator.condition("vars.n == 6", "if")


def test_errors_name_the_key_and_the_text() -> None:
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: EVALUATOR.value("${{ fromJSON('[') }}", "env.A"), "env.A: fromJSON"),
        (lambda: EVALUATOR.text("${{ vars.list }}", "name"), "name: .* is a list, not text"),
        (lambda: EVALUATOR.text("${{ vars.map }}", "name"), "name: .* is an object, not text"),
        (lambda: EVALUATOR.texts("${{ vars.n }}", "env"), "env: .* must be a mapping"),
        (lambda: EVALUATOR.boolean("maybe", "key"), "key: 'maybe' is neither true nor false"),
        (lambda: EVALUATOR.number("-1", "key"), "key: '-1' is not a number above zero"),
        (lambda: EVALUATOR.number("nan", "key"), "key: 'nan' is not a number above zero"),
        (lambda: EVALUATOR.condition("fromJSON('[') && success()", "if"), "if: fromJSON"),
    ]
    for attempt, message in cases:
        with pytest.raises(InvalidInput, match=message):
            attempt()


def test_what_a_text_refers_to() -> None:
    assert mentions({"a": ["x", "${{ needs.b.result }}"]}, "needs")
    assert not mentions({"a": ["needs.b", "${{ vars.needs }}"]}, "needs")
    assert condition_mentions("NEEDS.b.result == 'x'", "needs")
    assert not condition_mentions("github.ref == 'needs.b'", "needs")
    assert asks_status("!cancelled()")
    assert not asks_status("github.ref == 'always()'")
    assert not asks_status(" ")
