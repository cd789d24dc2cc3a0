"""From the data of answers to types; what does not fit is GitHub's trouble, no defect of ours."""

from collections.abc import Iterable
from typing import Any, TypeVar

from mayfly.forges.fields import Fields, Read, items
from mayfly.forges.github.errors import Unreadable
from mayfly.protocol.codec import DecodeError

T = TypeVar("T")

_PER_PAGE = 100


def read_one(data: Any, read: Read[T]) -> T:
    """Raises Unreadable."""
    try:
        return read(data, "")
    except DecodeError as error:
        raise Unreadable(f"GitHub's answer is not as documented: {error}") from error


def read_all(pages: Iterable[Any], read: Read[T], key: str | None = None) -> tuple[T, ...]:
    """The entries of all pages of a list, which lie under `key` if there is one."""
    listed = items(read, _PER_PAGE)

    def page(data: Any, path: str) -> tuple[T, ...]:
        return listed(data, path) if key is None else Fields(data, path).need(key, listed)

    return tuple(entry for data in pages for entry in read_one(data, page))
