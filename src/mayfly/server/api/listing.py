"""Long lists, a page at a time, in an order that stays while rows come and go.

A cursor is the last row's place: the value it was ordered by, and its id.
"""

import base64
import binascii
import json
import math
from typing import Any, TypeVar

from mayfly.domain.errors import InvalidInput
from mayfly.store.base import View

R = TypeVar("R")

_SLACK = 20


def page(
    view: View, kind: type[R], order: str, limit: int, after: str | None, **conditions: Any
) -> tuple[list[R], str | None]:
    """Up to `limit` rows beyond the cursor, and the next one. `order` is a field that is a number
    and never None, or the id; with `-` it descends.
    """
    field = order.removeprefix("-")
    if after is None:
        rows = view.find(kind, order=order, limit=limit + 1, **conditions)
    else:
        place = _read(after, field)
        rows = _beyond(view, kind, order, place=place, limit=limit + 1, conditions=conditions)
    more = _write(rows[limit - 1], field) if len(rows) > limit else None
    return rows[:limit], more


def _beyond(
    view: View,
    kind: type[R],
    order: str,
    *,
    place: tuple[Any, str],
    limit: int,
    conditions: dict[str, Any],
) -> list[R]:
    """Rows after a place. Those with the same value are found too, and passed over by their id."""
    field, (value, last) = order.removeprefix("-"), place
    if field == "id":
        side = "id__lt" if order.startswith("-") else "id__gt"
        return view.find(kind, order=order, limit=limit, **{side: last}, **conditions)
    bound = _bound(field, value, descending=order.startswith("-"))
    wanted = limit + _SLACK
    while True:
        found = view.find(kind, order=order, limit=wanted, **bound, **conditions)
        rows = [row for row in found if getattr(row, field) != value or _id(row) > last]
        if len(rows) >= limit or len(found) < wanted:
            return rows[:limit]
        wanted *= 2


def _bound(field: str, value: Any, *, descending: bool) -> dict[str, Any]:
    """Whatever is not before the value."""
    name = f"{field}__{'lt' if descending else 'gt'}"
    if isinstance(value, int):
        return {name: value + 1 if descending else value - 1}
    return {name: math.nextafter(value, math.inf if descending else -math.inf)}


def _id(row: Any) -> str:
    return str(row.id)


def _write(row: Any, field: str) -> str:
    place = json.dumps([getattr(row, field), _id(row)]).encode()
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def _read(cursor: str, field: str) -> tuple[Any, str]:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        value, last = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _no_cursor() from None
    right = isinstance(value, str) if field == "id" else _is_number(value)
    if not isinstance(last, str) or not right:
        raise _no_cursor()
    return value, last


def _is_number(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 62
    return whole or (isinstance(value, float) and math.isfinite(value))


def _no_cursor() -> InvalidInput:
    return InvalidInput("`after` is no cursor of this list", remedy="give `next` of a page of it")
