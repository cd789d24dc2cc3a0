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


@pytest.mark.parametrize("seed", [7, 10], ids=["native", "with GitHub"])
def test_a_seed_replays_exactly(processes: ProcessPoolExecutor, seed: int) -> None:
    """Whatever ran before in the same process, to the microsecond."""
    first, again, other, once_more = processes.map(simulate, [seed, seed, seed + 5, seed])
    assert first == again == once_more
    assert first != other
