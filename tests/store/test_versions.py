"""Servers of two versions on one database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.store.stores import open_with

from mayfly.store.base import Store, Tx
from mayfly.store.rows import ProjectRow, SegmentRow
from mayfly.store.schema import ALL_ROWS
from mayfly.store.sql import stored


@dataclass(frozen=True)
class Versions:
    """The same rows, as each of them knows them."""

    old: Store
    new: Store
    old_kinds: dict[str, type[Any]]


@pytest.fixture
async def versions(url: str, before: tuple[type[Any], ...]) -> AsyncIterator[Versions]:
    old, new = await open_with(url, before), await open_with(url)
    yield Versions(old, new, {kind.__name__: kind for kind in before})
    await old.close()
    await new.close()


def test_the_version_before_knows_less(before: tuple[type[Any], ...]) -> None:
    """Else nothing here proves anything."""
    names = {kind.__name__ for kind in before}
    assert len(names) < len(ALL_ROWS)
    assert set(before) - set(ALL_ROWS)
    assert SegmentRow.__name__ not in names


async def test_the_new_one_reads_what_the_old_one_added(versions: Versions) -> None:
    old_kind = versions.old_kinds["ProjectRow"]
    await versions.old.serial(lambda tx: tx.add(old_kind(id="o/p", created=1.0, hosts=("h",))))
    found = await versions.new.read(lambda view: view.get(ProjectRow, "o/p"))
    assert found is not None
    assert replace(found, version=0) == ProjectRow(id="o/p", created=1.0, hosts=("h",))


async def test_the_old_one_leaves_what_it_does_not_know(versions: Versions) -> None:
    old_kind = versions.old_kinds["ProjectRow"]
    await versions.new.serial(lambda tx: tx.put(ProjectRow(id="o/p", created=1.0, public=True)))

    def raise_priority(tx: Tx) -> None:
        (row,) = tx.find(old_kind)
        tx.put(replace(row, priority=5))

    await versions.old.serial(raise_priority)
    await versions.old.serial(lambda tx: tx.put(old_kind(id="o/p", created=2.0, priority=6)))
    found = await versions.new.read(lambda view: view.get(ProjectRow, "o/p"))
    assert found is not None
    assert (found.public, found.priority, found.created) == (True, 6, 2.0)


async def test_their_serial_transactions_count_together(versions: Versions) -> None:
    numbers = [await store.serial(lambda tx: tx.number) for store in (versions.old, versions.new)]
    assert numbers == [1, 2]


@dataclass(frozen=True)
class Old:
    a: int


@dataclass(frozen=True)
class New:
    a: int
    b: tuple[Old, ...] = ()


def test_keys_that_only_a_newer_version_knows_are_left_out() -> None:
    assert stored.from_json(Old, stored.to_json(New(1, (Old(2),)))) == Old(1)
    assert stored.from_json(New, stored.to_json(Old(1))) == New(1)
