"""Changing the vault's key: what older keys have sealed is sealed by the first one."""

from typing import Any

from mayfly.store.sql.batch import Batch
from mayfly.store.sql.compiled import LIMIT
from mayfly.store.sql.model import Model
from mayfly.store.sql.row_statements import Compare

_ROWS_AT_ONCE = 100


def reseal_some(model: Model, batch: Batch, kind: type[Any], after: str) -> tuple[str | None, int]:
    """The next rows of a kind after a key; gives the last key looked at (None at the end), and how
    many rows were written. Within a serial transaction.
    """
    form = model.forms[kind]
    sql = model.rows.find(kind, (("id", Compare.GREATER),), "id", limited=True)
    records = batch.rows(sql, {"c0": after, LIMIT: _ROWS_AT_ONCE})
    written = 0
    for record in records:
        values = dict(zip(form.names, record, strict=True))
        if changes := form.resealed(values):
            batch.later(model.rows.update(kind, changes), form.parameters(changes, values["id"]))
            written += 1
    return (records[-1][form.names.index("id")] if len(records) == _ROWS_AT_ONCE else None), written
