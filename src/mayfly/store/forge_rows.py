"""What the control plane remembers of forges: rows as in `store.rows`."""

from typing import Any

FORGE_ROWS: tuple[type[Any], ...] = ()
