"""Dataclass to JSON and back, with the path of whatever is wrong."""

import contextlib
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.protocol.codec import MAX_DEPTH, DecodeError, decode, encode, from_plain


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    number: int
    share: float = 1.0


@dataclass(frozen=True)
class Outer:
    text: str
    flag: bool = False
    colour: Colour = Colour.RED
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    named: dict[str, int] = field(default_factory=dict)
    any: Any = None
    amount: Decimal = Decimal(0)
    names: frozenset[str] = frozenset()
    colours: frozenset[Colour] = frozenset()
    shares: Mapping[str, Inner] = field(default_factory=dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3).filter(
    lambda number: abs(number) < 10**30
)
INNER = st.builds(Inner, st.integers(), st.floats(allow_nan=False))


@settings(deadline=None)
@given(
    st.builds(
        Outer,
        text=st.text(),
        flag=st.booleans(),
        colour=st.sampled_from(Colour),
        inner=st.none() | INNER,
        many=st.lists(INNER, max_size=3).map(tuple),
        named=st.dictionaries(st.text(), st.integers(), max_size=3),
        any=JSON,
        amount=DECIMALS,
        names=st.frozensets(st.text(), max_size=3),
        colours=st.frozensets(st.sampled_from(Colour)),
        shares=st.dictionaries(st.text(), INNER, max_size=3),
    )
)
def test_what_goes_in_comes_out(message: Outer) -> None:
    assert decode(Outer, encode(message)) == message


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({}, "missing key 'text'"),
        ([], "expected an object, got a list"),
        ({"text": 1}, "text: expected str, got int"),
        ({"text": None}, "text: expected str, got null"),
        ({"text": "", "flag": 1}, "flag: expected bool, got int"),
        ({"text": "", "more": 1}, "unknown key 'more'"),
        ({"text": "", "colour": "green"}, "colour: 'green' is not a Colour"),
        ({"text": "", "inner": {"number": True}}, "inner.number: expected int, got bool"),
        ({"text": "", "many": {}}, "many: expected a list, got an object"),
        ({"text": "", "many": [{"number": 1}, 2]}, "many[1]: expected an object, got int"),
        ({"text": "", "named": {"a": "x"}}, "named.a: expected int, got str"),
        ({"text": "", "amount": 1.5}, "amount: expected a decimal number in a string"),
        ({"text": "", "amount": "1e9"}, "amount: expected a decimal number in a string"),
        ({"text": "", "amount": "NaN"}, "amount: expected a decimal number in a string"),
        ({"text": "", "amount": "9" * 31}, "amount: expected a decimal number in a string"),
        ({"text": "", "amount": "1\n"}, "amount: expected a decimal number in a string"),
        ({"text": "", "amount": "\u0661"}, "amount: expected a decimal number in a string"),
        ({"text": "", "names": "abc"}, "names: expected a list, got str"),
        ({"text": "", "names": ["a", 1]}, "names[1]: expected str, got int"),
        ({"text": "", "names": [[]]}, "names[0]: expected str, got a list"),
        ({"text": "", "colours": ["pink"]}, "colours[0]: 'pink' is not a Colour"),
        ({"text": "", "shares": []}, "shares: expected an object, got a list"),
        ({"text": "", "shares": {"a": {}}}, "shares.a: missing key 'number'"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(value: Any, error: str) -> None:
    with pytest.raises(DecodeError) as raised:
        from_plain(Outer, value)
    assert str(raised.value) == error


def test_a_set_is_written_in_order_so_that_equal_ones_are_written_alike() -> None:
    letters = [frozenset(order) for order in ("cab", "abc", "bca")]
    assert {encode(Outer("", names=names)) for names in letters} == {
        encode(Outer("", names=letters[0]))
    }
    assert b'"names":["a","b","c"]' in encode(Outer("", names=letters[0]))


def test_decimals_are_written_without_exponent_and_exactly() -> None:
    for number, text in {"1E+3": "1000", "0.10": "0.10", "-1.5E-3": "-0.0015"}.items():
        assert f'"amount":"{text}"'.encode() in encode(Outer("", amount=Decimal(number)))


def test_whole_numbers_may_stand_for_floats() -> None:
    assert from_plain(Inner, {"number": 1, "share": 2}) == Inner(1, 2.0)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_free_values_are_bounded_in_depth() -> None:
    from_plain(Outer, {"text": "", "any": nested(MAX_DEPTH - 1)})
    with pytest.raises(DecodeError, match="nested deeper"):
        from_plain(Outer, {"text": "", "any": nested(MAX_DEPTH)})


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b'{"text": "\\ud800"'])
def test_bytes_that_are_not_json(data: bytes) -> None:
    with pytest.raises(DecodeError, match="not JSON"):
        decode(Outer, data)


@settings(deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_is_a_message_or_a_decode_error(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        assert isinstance(decode(Outer, data), Outer)
