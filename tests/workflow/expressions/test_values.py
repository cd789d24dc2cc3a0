"""Coercions, by hand; the differential test covers the rest."""

import math

import pytest

from mayfly.workflow.expressions import Value, is_truthy, to_number, to_string


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0.0, "0"),
        (-0.0, "0"),
        (5, "5"),
        (1.0, "1"),
        (-12.5, "-12.5"),
        (0.1 + 0.2, "0.3"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (0.000001, "0.000001"),
        (0.0000001, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (1e-16, "0"),
        (1 / 65536, "0.000015258789063"),
        (123456.789, "123456.789"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (10**400, "Infinity"),
        ([], "Array"),
        ({}, "Object"),
    ],
)
def test_to_string(value: Value, text: str) -> None:
    assert to_string(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (None, 0.0),
        (True, 1.0),
        ("", 0.0),
        (" \n\u00a0", 0.0),
        (" 12.5e1 ", 125.0),
        ("-.5", -0.5),
        ("0xff", 255.0),
        ("0o17", 15.0),
        ("0b101", 5.0),
        ("-Infinity", -math.inf),
        (7, 7.0),
    ],
)
def test_to_number(value: Value, number: float) -> None:
    assert to_number(value) == number


@pytest.mark.parametrize(
    "value", ["a", "1_0", "nan", "infinity", "-0x1", "0xg", "1e", ".", "\u0661", [], {}, ["1"]]
)
def test_what_is_not_a_number(value: Value) -> None:
    assert math.isnan(to_number(value))


@pytest.mark.parametrize("value", [None, False, 0, 0.0, -0.0, math.nan, ""])
def test_falsy(value: Value) -> None:
    assert is_truthy(value) is False


@pytest.mark.parametrize("value", [True, 1, -1.0, math.inf, " ", "false", "0", [], {}])
def test_truthy(value: Value) -> None:
    assert is_truthy(value) is True


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="tuple is not a value"):
        to_string((1, 2))  # type: ignore[arg-type]
