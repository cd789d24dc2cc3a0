"""GitHub in a world: the stand-in, its ways to and from the fleet, and what people do there."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import httpx
from tests.server.github.guest import Guests
from tests.simulation.chances import Chances
from tests.simulation.clock import now
from tests.simulation.network import Server, ToForge, ToServers
from tests.standins.github.connected import app_row
from tests.standins.github.faults import Faults
from tests.standins.github.limits import Limits
from tests.standins.github.runner import VERSION
from tests.standins.github.stand_in import StandInGitHub
from tests.standins.github.world import IN_PROGRESS, Job, JobSpec, Run

from mayfly.server.github.connecting import connect
from mayfly.server.people.audit import Author
from mayfly.store.base import Tx

OWNER = "acme"
REPOSITORIES = ("acme/one", "acme/forge")
_LABELS = ("mayfly-1cpu-1gb",) * 4 + ("mayfly-2cpu-2gb", "mayfly-any-1cpu-1gb")
_HOPELESS = ("mayfly-64cpu-256gb", "mayfly-arm46-8cpu")
_WORK_S = (0.5, 5.0, 40.0) * 6 + (150.0, 300.0)
_URL = "https://github.test"
_ENVIRONMENT = "production"


class Forge:
    """`begin` in the loop, before anything else; `close` at the end."""

    def __init__(self, replicas: Sequence[Server], chances: Chances):
        self._chances = chances
        self._random = chances.random
        self.github = StandInGitHub(
            url=_URL,
            http_client=httpx.AsyncClient(transport=ToServers(replicas, chances)),
            clock=now,
            rng=self._random,
        )
        self.guests = Guests(httpx.AsyncClient(transport=self.way()), self._work)
        self.killed: list[str] = []
        """Names of runners that were stopped in the middle of a job nobody at GitHub ended."""

    def way(self) -> ToForge:
        """For one side, until it is dead."""
        return ToForge(self.github.asgi, self._chances)

    def connect(self, tx: Tx) -> None:
        """As a site administrator does, before the app is installed."""
        for name in REPOSITORIES:
            self.github.create_repository(name)
        app = self.github.create_app(OWNER, webhook_url="https://mayfly.test/webhooks/github")
        connect(tx, Author("ada", now()), app_row(self.github, app))
        self._app = app

    def install(self) -> None:
        self.github.install(self._app, OWNER)

    @property
    def happenings(self) -> list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]]:
        """What people do and GitHub suffers, each with how often."""
        return [
            (12, self._push),
            (3, self._cancel),
            (2, self._review),
            (4, self._trouble),
            (1, self._revoke_tokens),
        ]

    @property
    def jobs(self) -> list[Job]:
        """Of all attempts of all runs."""
        return [job for run in self.runs for job in run.jobs]

    @property
    def runs(self) -> list[Run]:
        return [run for each in self.github.repositories.values() for run in each.runs.values()]

    def heal(self) -> None:
        """GitHub is well again."""
        _set(self.github.faults, Faults())
        _set(self.github.limits, Limits())

    def approve(self) -> None:
        """All that waits for it."""
        for run in self.runs:
            self.github.approve(run, _ENVIRONMENT)

    async def close(self) -> None:
        await self.github.__aexit__(None, None, None)

    async def _push(self) -> None:
        repository = self.github.repositories[self._random.choice(REPOSITORIES)]
        label = self._random.choice(_LABELS if self._random.random() < 0.9 else _HOPELESS)
        count = self._random.randint(1, 3)
        self.github.start_run(repository, [self._job(number, label) for number in range(count)])

    def _job(self, number: int, label: str) -> JobSpec:
        environment = _ENVIRONMENT if self._random.random() < 0.1 else None
        return JobSpec(f"job {number}", (label,), environment=environment)

    async def _cancel(self) -> None:
        if runs := self.runs:
            self.github.cancel(self._random.choice(runs))

    async def _review(self) -> None:
        for run in self.runs:
            self.github.approve(run, _ENVIRONMENT, approved=self._random.random() < 0.8)

    async def _trouble(self) -> None:
        """Each fault is on in some of the worlds, for some of the time."""
        random, faults = self._random, self.github.faults

        def odds(most: float) -> float:
            return random.uniform(0, most) if random.random() < 0.4 else 0.0

        faults.webhook_fails, faults.webhook_lost = odds(0.5), odds(0.4)
        faults.webhook_twice = odds(0.5)
        faults.webhook_delay = (0.0, odds(90.0))
        faults.busy_lies = odds(1.0)
        faults.delete_while_busy = random.random() < 0.3
        faults.list_lag = odds(60.0)
        faults.registration_vanishes = odds(0.3)
        faults.evict_idle_after = 120.0 if random.random() < 0.3 else None
        faults.latency = (0.0, odds(3.0))
        faults.trouble = odds(0.2)
        faults.too_old = {VERSION} if random.random() < 0.03 else set()
        limited = random.random() < 0.2
        self.github.limits.points = 60 if limited else Limits.points
        self.github.limits.registrations = 2 if limited else Limits.registrations

    async def _revoke_tokens(self) -> None:
        self.github.revoke_tokens()

    async def _work(self, told: dict[str, Any]) -> str:
        job = next(job for job in self.jobs if job.id == told["job"])
        try:
            await asyncio.sleep(self._random.choice(_WORK_S))
        except asyncio.CancelledError:
            if job.status == IN_PROGRESS and not job.cancelling and job.runner is not None:
                self.killed.append(job.runner.name)
            raise
        return self._random.choice(["success", "success", "failure"])


def _set(target: Any, values: Any) -> None:
    for name, value in vars(values).items():
        setattr(target, name, value)
