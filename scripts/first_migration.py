"""Writes the first version of the schema anew from the rows; only while none was released.

    python scripts/first_migration.py

Afterwards databases that were made with the one before must be made anew.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql import migrations
from mayfly.store.sql.columns import TEXT
from mayfly.store.sql.tables import Tables

_FILE = Path(migrations.__file__).parent / "versions" / "v0001.py"
_LATER_TABLES = frozenset({"segments"})  # added by v0002
_LATER_COLUMNS = frozenset({("projects", "public"), ("hosts", "next_key_hash")})

_TEMPLATE = '''"""The first version; written by scripts/first_migration.py."""
# ruff: noqa: PLR0915

import sqlalchemy as sa
from alembic import op

from mayfly.store.sql.columns import TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    {up}
    op.execute("INSERT INTO clock (id, number) VALUES (1, 0)")


def downgrade() -> None:
    {down}
'''


def main() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        made = produce_migrations(context, _first(Tables(ALL_ROWS).metadata))
    assert made.upgrade_ops is not None
    assert made.downgrade_ops is not None
    up, down = (
        render_python_code(ops, render_item=_render)
        for ops in (made.upgrade_ops, made.downgrade_ops)
    )
    _FILE.write_text(_TEMPLATE.format(up=_bare(up), down=_bare(down)))
    for command in (("check", "--fix", "--quiet"), ("format", "--quiet")):
        subprocess.run(["ruff", *command, _FILE], check=True)
    print(_FILE)


def _first(whole: sa.MetaData) -> sa.MetaData:
    """Without what later versions add."""
    first = sa.MetaData(naming_convention=dict(whole.naming_convention))
    for table in whole.sorted_tables:
        if table.name not in _LATER_TABLES:
            columns = [c for c in table.columns if (table.name, c.name) not in _LATER_COLUMNS]
            sa.Table(table.name, first, *(column._copy() for column in columns))  # noqa: SLF001 (the only way)
    return first


def _render(kind: str, item: Any, _context: Any) -> str | bool:
    return "TEXT" if kind == "type" and item is TEXT else False


def _bare(code: str) -> str:
    lines = [line for line in code.splitlines() if not line.strip().startswith("# ###")]
    return "\n".join(lines).strip()


if __name__ == "__main__":
    sys.exit(main())
