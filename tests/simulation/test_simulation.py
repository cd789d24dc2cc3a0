"""Thousands of worlds in which everything goes wrong: no law of `laws.py` is ever broken."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
from tests.simulation.__main__ import quiet, simulate

SEEDS = 2000
_CHUNK = 100


def chunk(first: int) -> list[str]:
    """What went wrong in some seeds."""
    quiet()
    wrong = []
    for seed in range(first, first + _CHUNK):
        try:
            simulate(seed)
        except Exception as error:  # noqa: BLE001 (each is told with its seed)
            wrong.append(f"python -m tests.simulation {seed}: {type(error).__name__}: {error}")
    return wrong


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "0")  # as a replay has it
        with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
            yield pool


def test_no_law_is_broken_in_any_seed(processes: ProcessPoolExecutor) -> None:
    chunks = processes.map(chunk, range(0, SEEDS, _CHUNK))
    assert [told for chunk in chunks for told in chunk] == []


def test_a_seed_replays_exactly(processes: ProcessPoolExecutor) -> None:
    first, again, other = processes.map(simulate, [7, 7, 8])
    assert first == again
    assert first != other
