"""Every kind of row there is: what the tables of a database are made from."""

from typing import Any

from mayfly.store.forge_rows import FORGE_ROWS
from mayfly.store.people import PEOPLE_ROWS
from mayfly.store.rows import FLEET_ROWS

ALL_ROWS: tuple[type[Any], ...] = FLEET_ROWS + PEOPLE_ROWS + FORGE_ROWS
