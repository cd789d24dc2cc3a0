"""What time it is in a world, for all that are in it."""

import asyncio


def now() -> float:
    """Seconds since 1970."""
    return 1_800_000_000.0 + asyncio.get_running_loop().time()
