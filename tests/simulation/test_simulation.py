"""Thousands of worlds in which everything goes wrong: no law of `laws.py` is ever broken."""

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
from tests.simulation.__main__ import simulate
from tests.simulation.many import CHUNK, chunk

SEEDS = 2000


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "0")  # as a replay has it
        with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
            yield pool


def test_no_law_is_broken_in_any_seed(processes: ProcessPoolExecutor) -> None:
    chunks = processes.map(chunk, range(0, SEEDS, CHUNK))
    assert [told for chunk in chunks for told in chunk] == []


def test_a_seed_replays_exactly(processes: ProcessPoolExecutor) -> None:
    first, again, other = processes.map(simulate, [7, 7, 8])
    assert first == again
    assert first != other
