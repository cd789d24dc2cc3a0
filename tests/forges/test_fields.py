"""Fields of JSON that others write."""

import time
from collections.abc import Iterator

import pytest

from mayfly.forges import fields
from mayfly.forges.fields import Fields
from mayfly.protocol.codec import DecodeError


@pytest.fixture
def _elsewhere() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_elsewhere")
@pytest.mark.parametrize(
    "written", ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T13:00:00.000+13:00"]
)
def test_times_are_utc_wherever_this_runs(written: str) -> None:
    assert fields.moment(written, "at") == 1_704_067_200.0


def test_missing_and_null_are_told_apart_only_where_needed() -> None:
    values = Fields({"null": None, "list": [1, 2]}, "top")
    assert values.maybe("null", fields.number) is None
    assert values.maybe("none", fields.number) is None
    assert values.many("null", fields.number, most=1) == ()
    assert values.many("none", fields.number, most=1) == ()
    assert values.many("list", fields.number, most=2) == (1, 2)
    with pytest.raises(DecodeError, match=r"^top: missing key 'none'"):
        values.need("none", fields.number)
    with pytest.raises(DecodeError, match=r"^top\.null: expected a number, got null"):
        values.need("null", fields.number)
    with pytest.raises(DecodeError, match=r"^top\.list: more than 1 entries"):
        values.many("list", fields.number, most=1)


def test_long_texts_are_cut_and_names_refused() -> None:
    long = "x" * (fields.MAX_TEXT + 1)
    assert fields.long_text(long, "message") == long[:-1]
    assert fields.text(long[:-1], "name") == long[:-1]
    with pytest.raises(DecodeError, match="longer than"):
        fields.text(long, "name")


@pytest.mark.parametrize("value", [0, 2**63 - 1])
def test_numbers_fit_a_database(value: int) -> None:
    assert fields.number(value, "id") == value
    for wrong in (-1, 2**63):
        with pytest.raises(DecodeError, match="out of range"):
            fields.number(wrong, "id")
