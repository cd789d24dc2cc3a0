"""All that the transactions of one store share: how rows are kept, and the SQL for it."""

from typing import Any

import sqlalchemy as sa

from mayfly.store.sql.compiled import Compiled
from mayfly.store.sql.journal_statements import JournalStatements
from mayfly.store.sql.journals import Journals
from mayfly.store.sql.row_statements import RowStatements
from mayfly.store.sql.rowform import RowForm
from mayfly.store.sql.tables import Tables
from mayfly.store.vault import Vault


class Model:
    """Usable by several threads at once."""

    def __init__(self, kinds: tuple[type[Any], ...], dialect: sa.Dialect, vault: Vault):
        tables = Tables(kinds)
        self.compiled = Compiled(dialect)
        self.rows = RowStatements(tables, self.compiled)
        self.clock = JournalStatements(tables, self.compiled)
        self.journals = Journals(self.clock)
        self.forms = {kind: RowForm(kind, table.name, vault) for kind, table in tables.rows.items()}
        self.sealing = [kind for kind, form in self.forms.items() if form.seals]
