"""Blobs that no row names any more: written down, to be deleted by `server.retention`."""

from mayfly.store.base import Tx
from mayfly.store.rows import RemovalRow


def remove_later(tx: Tx, blob: str) -> None:
    """In the transaction that gives up the row which named it."""
    if tx.get(RemovalRow, blob) is None:
        tx.add(RemovalRow(id=blob))
