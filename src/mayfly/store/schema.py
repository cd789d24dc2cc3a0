"""Every kind of row there is: what the tables of a database are made from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mayfly.store.forge_rows import FORGE_ROWS
from mayfly.store.people import PEOPLE_ROWS
from mayfly.store.rows import FLEET_ROWS, JobRow, MeteringRow, RunRow

ALL_ROWS: tuple[type[Any], ...] = FLEET_ROWS + PEOPLE_ROWS + FORGE_ROWS

INDICES: Mapping[type[Any], tuple[str, ...]] = MappingProxyType({
    JobRow: ("state", "project", "queued_at"),
    RunRow: ("project", "created"),
    MeteringRow: ("project", "finished"),
})  # fmt: skip
"""What rows are found by together, and then in which order; besides the fields `indexed` alone."""
