"""Everything that can go wrong with GitHub, at random and at once: every job ends, once, and clean.

A seed that fails replays exactly: `pytest -k "[17]"`.
"""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from tests.server.github.fleet import Fleet, fleet
from tests.standins.github.faults import Faults
from tests.standins.github.world import Run
from tests.virtual_time import virtual_time

from mayfly.store.rows import RunRow

_SEEDS = 20
_LABELS = ("mayfly-1cpu-1gb", "mayfly-2cpu-2gb", "mayfly-arm64-1cpu-1gb")
_TOO_LARGE = "mayfly-64cpu-256gb"
_DAY = 86400.0


@pytest.mark.parametrize("seed", range(_SEEDS))
@virtual_time
async def test_all_faults_at_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    random.seed(seed)  # back-off and jitter of the code itself
    async with fleet(tmp_path, seed=seed, hosts=2) as here:
        here.guests.work = _work(chance)
        here.start_replica()
        runs: list[Run] = []
        for _ in range(chance.randint(3, 8)):
            _trouble(here.github.faults, chance)
            runs.append(here.queue(*_names(chance), label=chance.choice(_LABELS)))
            await asyncio.sleep(chance.expovariate(1 / 60))
            await _something(here, chance, runs)
        hopeless = here.queue("hopeless", label=_TOO_LARGE)
        await asyncio.sleep(120)
        _calm(here.github.faults)
        for name in ("h1", "h2"):
            if name not in here.hosts:
                await here.host(name)
        await here.until(lambda: here.repository.checks, 3600)
        here.github.cancel(hopeless)
        await here.done(*runs, hopeless, patience_s=_DAY)
        _look(here, runs)


def _look(here: Fleet, runs: list[Run]) -> None:
    assert set(here.guests.ran.values()) <= {1}, "a job ran twice"
    ended = {row.id: row.conclusion for row in here.rows(RunRow)}
    assert None not in ended.values()
    ids = [job.id for run in runs for job in run.jobs if job.conclusion == "success"]
    assert set(ids) <= set(here.guests.ran)
    checked = {check.body["name"] for check in here.repository.checks.values()}
    assert checked == {"Mayfly: hopeless"}


def _trouble(faults: Faults, chance: random.Random) -> None:
    """Each is on in some of the seeds, for some of the time."""

    def odds(most: float) -> float:
        return chance.uniform(0, most) if chance.random() < 0.4 else 0.0

    faults.webhook_fails, faults.webhook_lost = odds(0.5), odds(0.4)
    faults.webhook_twice = odds(0.5)
    faults.webhook_delay = (0.0, odds(90.0))
    faults.busy_lies = odds(1.0)
    faults.delete_while_busy = chance.random() < 0.3
    faults.list_lag = odds(60.0)
    faults.registration_vanishes = odds(0.3)
    faults.evict_idle_after = 120.0 if chance.random() < 0.3 else None
    faults.latency = (0.0, odds(3.0))
    faults.trouble = odds(0.2)


def _calm(faults: Faults) -> None:
    for name, value in vars(Faults()).items():
        setattr(faults, name, value)


async def _something(here: Fleet, chance: random.Random, runs: list[Run]) -> None:
    match chance.randrange(8):
        case 0:
            here.github.cancel(chance.choice(runs))
        case 1 if "h1" in here.hosts:
            await here.lose("h1")
        case 2 if "h1" not in here.hosts:
            await here.host("h1")
        case 3 | 4:
            await here.crash_replica()
            here.start_replica()


def _names(chance: random.Random) -> list[str]:
    return [f"job {number}" for number in range(chance.randint(1, 3))]


def _work(chance: random.Random) -> Any:
    async def work(_job: dict[str, Any]) -> str:
        await asyncio.sleep(chance.expovariate(1 / 90))
        return chance.choice(["success", "success", "failure"])

    return work
