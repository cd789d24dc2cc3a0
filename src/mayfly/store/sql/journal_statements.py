"""The SQL of the clock and of runs' journals; each names its parameters."""

from typing import Any

import sqlalchemy as sa

from mayfly.store.sql.compiled import Compiled, limited_to, value
from mayfly.store.sql.tables import Tables


class JournalStatements:
    def __init__(self, tables: Tables, compiled: Compiled):
        self._journal = tables.journal
        self._heads = tables.heads
        self._clock = tables.clock
        self._compiled = compiled

    def tick(self) -> str:
        """`by`; gives the clock's new number. Everything serial waits here for its turn."""

        def make() -> Any:
            number = self._clock.c.number
            return sa.update(self._clock).values(number=number + _number("by")).returning(number)

        return self._compiled.sql(("tick",), make)

    def take_numbers(self) -> str:
        """`run`, `last`: how many; gives the run and the last of its new numbers. For many.

        Others who want numbers of this run wait until this transaction ends, so that numbers are
        seen in order and without gaps.
        """
        last = self._heads.c.last

        def make() -> Any:
            made = self._compiled.insert_many(self._heads, first=sa.literal_column("1"))
            more = made.on_conflict_do_update(
                index_elements=["run"], set_={"last": last + made.excluded.last}
            )
            return more.returning(self._heads.c.run, last)

        return self._compiled.sql(("take_numbers",), make)

    def write(self) -> str:
        """`run`, `number`, `job`, `body`; for many"""
        return self._compiled.sql(("write",), lambda: self._compiled.insert_many(self._journal))

    def read(self, of_job: bool) -> str:
        """`run`, `after`, `limit`, and `job` if it is of one"""
        journal = self._journal

        def make() -> Any:
            wanted = sa.select(journal).where(
                journal.c.run == value(journal.c.run), journal.c.number > _number("after")
            )
            if of_job:
                wanted = wanted.where(journal.c.job == value(journal.c.job))
            return limited_to(wanted.order_by(journal.c.number))

        return self._compiled.sql(("read", of_job), make)

    def span(self) -> str:
        """`run`; gives the first number kept and the last given out"""
        heads = self._heads
        return self._compiled.sql(
            ("span",),
            lambda: sa.select(heads.c.first, heads.c.last).where(heads.c.run == value(heads.c.run)),
        )

    def forget(self) -> str:
        """`run`, `upto`"""
        journal = self._journal
        return self._compiled.sql(
            ("forget",),
            lambda: sa.delete(journal).where(
                journal.c.run == value(journal.c.run), journal.c.number <= _number("upto")
            ),
        )

    def forgotten(self) -> str:
        """`run`, `first`: what is kept begins there now, if not later already"""
        heads = self._heads
        return self._compiled.sql(
            ("forgotten",),
            lambda: (
                sa.update(heads)
                .where(heads.c.run == value(heads.c.run), heads.c.first < _number("new_first"))
                .values(first=_number("new_first"))
            ),
        )


def _number(name: str) -> Any:
    return sa.bindparam(name, type_=sa.BigInteger)
