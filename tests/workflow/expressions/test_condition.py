"""Conditions: `${{ }}` may be left out, and success() is implied."""

import pytest

from mayfly.workflow.expressions import Condition, ExpressionError, Functions, Value

CONTEXTS: dict[str, Value] = {"matrix": {"arch": "arm64"}}


def status(*, succeeded: bool) -> Functions:
    return {
        "success": lambda *_: succeeded,
        "failure": lambda *_: not succeeded,
        "always": lambda: True,
        "cancelled": lambda: False,
    }


@pytest.mark.parametrize(
    ("text", "after_success", "after_failure"),
    [
        ("", True, False),
        ("  \n", True, False),
        ("true", True, False),
        ("false", False, False),
        ("matrix.arch == 'arm64'", True, False),
        ("${{ matrix.arch == 'amd64' }}", False, False),
        ("${{ matrix.arch == 'arm64' }}", True, False),
        ("always()", True, True),
        ("failure()", False, True),
        ("!Cancelled() && matrix.arch == 'arm64'", True, True),
        ("${{ failure() }}", False, True),
        ("contains('x', 'y') || !success()", False, True),
        # Text around an expression makes it a text, which is true unless it is empty.
        ("${{ false }} && false", True, False),
        ("${{ always() }} && false", True, True),
    ],
)
def test_conditions(text: str, after_success: bool, after_failure: bool) -> None:
    condition = Condition.parse(text)
    assert condition.evaluate(CONTEXTS, status(succeeded=True)) is after_success
    assert condition.evaluate(CONTEXTS, status(succeeded=False)) is after_failure


def test_an_implied_failure_evaluates_nothing() -> None:
    condition = Condition.parse("fromJSON('{')")
    assert condition.evaluate({}, status(succeeded=False)) is False
    with pytest.raises(ExpressionError):
        condition.evaluate({}, status(succeeded=True))


def test_uses_leave_out_what_is_implied() -> None:
    condition = Condition.parse("steps.x.outcome == 'failure'")
    assert condition.calls == ()
    assert not condition.asks_status
    assert [reference.path for reference in condition.references] == [("x", "outcome")]
    assert Condition.parse("${{ ALWAYS() }}").asks_status
