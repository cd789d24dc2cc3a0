"""Some seeds, one after the other, for a process of its own."""

from tests.simulation.__main__ import quiet, simulate

CHUNK = 100


def chunk(first: int) -> list[str]:
    """What went wrong in some seeds, each told with how to replay it."""
    quiet()
    wrong = []
    for seed in range(first, first + CHUNK):
        try:
            simulate(seed)
        except Exception as error:  # noqa: BLE001 (whatever it is)
            wrong.append(f"python -m tests.simulation {seed}: {type(error).__name__}: {error}")
    return wrong
