"""Gives a machine that waits its registration as a runner: intended first, then made, then told.

A name is the same for the same attempt, so what a crash left registered is found again. Asked once
more, the same registration is given while it is fresh; then another takes its place.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from mayfly.domain.errors import MayflyError
from mayfly.forges.github.errors import GitHubError
from mayfly.forges.github.installation import InstallationClient, JitRunner
from mayfly.forges.github.model import Scope
from mayfly.forges.github.runners import GiveUp, Names, after_refusal
from mayfly.protocol.fleet import StaleLease
from mayfly.server.github import chores
from mayfly.server.github.apps import Apps
from mayfly.server.github.spec import IMAGE, runner_spec
from mayfly.server.native import PlannedSpecs
from mayfly.server.refusals import Refused
from mayfly.store.base import Store, Tx
from mayfly.store.forge_rows import AlarmRow, RunnerRow
from mayfly.store.rows import JobRow, RunKind, RunRow
from mayfly.workflow.spec import JobSpec

_FRESH_S = 60.0
_PATIENCE_S = 12.0  # agents wait longer for an answer


class NotYet(Refused):
    """Ask again a little later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class NoRegistration(MayflyError):
    """GitHub would refuse it again."""


class RunnerHandOver:
    """See `server.hosts.HandOver`. `now` gives seconds since 1970, `new_id` an id nobody has."""

    def __init__(
        self,
        store: Store,
        apps: Apps,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ):
        self._store = store
        self._native = PlannedSpecs(store)
        self._apps = apps
        self._now = now
        self._new_id = new_id

    async def __call__(self, run: RunRow, job: JobRow) -> JobSpec:
        """Raises StaleLease, NotYet, MayflyError."""
        if run.kind is RunKind.NATIVE:
            return await self._native(run, job)
        place = await self._store.read(lambda view: view.get(RunnerRow, job.id))
        if place is None:
            raise StaleLease(f"job {job.id} has no place any more")
        if not self._is_fresh(place, job):
            place = await self._register(place, job)
        assert place.config is not None
        return runner_spec(job.planned.name, place.config)

    def _is_fresh(self, place: RunnerRow, job: JobRow) -> bool:
        made = place.minted is not None and place.attempt == job.attempt
        return made and self._now() - (place.minted or 0.0) < _FRESH_S

    async def _register(self, place: RunnerRow, job: JobRow) -> RunnerRow:
        names = await self._apps.names(place.installation)
        turn = self._new_id()
        intended = await self._store.serial(lambda tx: self._intend(tx, job, names, turn))
        client = await self._apps.installation(place.installation)
        made = await self._made(client, intended)
        try:
            return await self._store.serial(lambda tx: self._note(tx, intended, made))
        except (StaleLease, NotYet):
            with contextlib.suppress(GitHubError):  # else it is a ghost, which is found
                await client.delete_runner(_scope(intended), made.runner.id)
            raise

    def _intend(self, tx: Tx, job: JobRow, names: Names, turn: str) -> RunnerRow:
        place, row = tx.get(RunnerRow, job.id), tx.get(JobRow, job.id)
        if place is None or row is None or row.attempt != job.attempt or row.state.is_final:
            raise StaleLease(f"attempt {job.attempt} of {job.id} is over")
        if place.leaving is not None or row.cancel_reason is not None:
            raise NotYet("it is being cancelled")  # which its host is told any moment
        alarm = tx.get(AlarmRow, IMAGE)
        if alarm is not None and alarm.until > self._now():
            raise NoRegistration(alarm.reason)
        intended = replace(
            place,
            attempt=job.attempt,
            turn=turn,
            name=names.of(job.id, job.attempt),
            asked=self._now(),
            runner=None,
            config=None,
            minted=None,
        )
        tx.put(intended)
        return intended

    async def _made(self, client: InstallationClient, place: RunnerRow) -> JitRunner:
        """Raises NotYet, NoRegistration."""
        name, scope = place.name or "", _scope(place)
        deadline, tries = self._now() + _PATIENCE_S, 0
        while True:
            try:
                return await client.generate_jit(scope, name=name, labels=place.labels)
            except GitHubError as error:
                tries += 1
                following = after_refusal(error, tries, self._now())
                refusal = error
            if isinstance(following, GiveUp):
                raise NoRegistration(following.reason) from refusal
            if following.at > deadline:
                raise NotYet(f"GitHub makes no runner now: {refusal.message}") from refusal
            await asyncio.sleep(following.at - self._now())
            if following.remove_first:
                await self._remove(client, scope, place)

    async def _remove(self, client: InstallationClient, scope: Scope, place: RunnerRow) -> None:
        """What has the name; whether it worked shows at the next try.

        Who asked later may have registered under it by now: so what is removed was there before
        it is certain that nobody did. Raises NotYet.
        """
        with contextlib.suppress(GitHubError):
            listed = await client.runners(scope, name=place.name)
            now = await self._store.read(lambda view: view.get(RunnerRow, place.id))
            if now is None or now.turn != place.turn:
                raise NotYet("it was asked again meanwhile")
            for runner in listed:
                if runner.name == place.name:
                    await client.delete_runner(scope, runner.id)

    def _note(self, tx: Tx, intended: RunnerRow, made: JitRunner) -> RunnerRow:
        place, row = tx.get(RunnerRow, intended.id), tx.get(JobRow, intended.id)
        if place is None or row is None or row.state.is_final or row.attempt != intended.attempt:
            raise StaleLease(f"attempt {intended.attempt} of {intended.id} is over")
        if place.turn != intended.turn or place.leaving is not None:
            raise NotYet("it was asked again meanwhile, or is being cancelled")
        noted = replace(place, runner=made.runner.id, config=made.config, minted=self._now())
        tx.put(noted)
        scope = _scope(noted)
        chores.ask(
            tx, chores.GHOSTS, f"{noted.installation}/{scope}", noted.installation, self._now() + 60
        )
        return noted


def _scope(place: RunnerRow) -> Scope:
    return Scope(place.owner, place.repo)
