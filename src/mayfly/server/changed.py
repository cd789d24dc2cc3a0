"""Which rows changed since they were last looked at, for mirrors that are kept in memory."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from mayfly.store.base import Tx

R = TypeVar("R")


class Changed(Generic[R]):
    """Rows of one kind, which has a `version`; the first time those that fulfil `at_first`.

    What a transaction sees of others that are not committed, and of itself, may be undone: such
    rows are given again, as they are then. That a row was deleted is no change.
    """

    def __init__(self, kind: type[R], **at_first: Any):
        self._kind = kind
        self._at_first = at_first
        self._seen: int | None = None
        self._doubtful: set[str] = set()

    def doubt(self, key: str) -> None:
        """What is known of a row may be undone: it is to be given once more."""
        self._doubtful.add(key)

    def since_last(self, tx: Tx) -> Iterable[tuple[str, R | None]]:
        """Key and row; None for one that is not there after all. In a serial transaction."""
        rows: dict[str, Any] = {row.id: row for row in self._newer(tx)}
        for key in self._doubtful - rows.keys():
            rows[key] = tx.get(self._kind, key)
        self._seen = tx.committed
        self._doubtful = {key for key, row in rows.items() if row and row.version > tx.committed}
        return rows.items()

    def _newer(self, tx: Tx) -> list[Any]:
        if self._seen is not None:
            return tx.find(self._kind, order="version", version__gt=self._seen)
        found: list[Any] = tx.find(self._kind, **self._at_first)
        return found + tx.find(self._kind, order="version", version__gt=tx.committed)
