"""Does what was written down to be asked of GitHub once: checks, deregistrations, reruns."""

from collections.abc import Callable

from mayfly.forges.github.errors import Busy
from mayfly.forges.github.installation import Check
from mayfly.forges.github.model import Scope, Status
from mayfly.server.github import chores
from mayfly.server.github.apps import Apps
from mayfly.server.github.places import Places, seen_working
from mayfly.store.base import Store, Tx, View
from mayfly.store.forge_rows import ChoreRow, ForgeJobRow, RunnerRow
from mayfly.store.rows import JobRow

_SETTLE_S = 10.0  # after a runner was deregistered, until its machine may be stopped
_BUSY_S = 60.0
_RERUN_S = 60.0


class Errands:
    """Each raises GitHubError or NotConnected, and is then done again later.

    `now` gives seconds since 1970.
    """

    def __init__(self, store: Store, apps: Apps, places: Places, now: Callable[[], float]):
        self._store = store
        self._apps = apps
        self._places = places
        self._now = now

    async def check(self, chore: ChoreRow) -> None:
        """Show on its commit that a job is not served, and why."""
        note = chore.note
        check = Check(
            name=note["name"],
            head_sha=note["sha"],
            external_id=chore.target,
            title=note["title"],
            summary=note["summary"],
            conclusion=note["conclusion"],
        )
        client = await self._apps.installation(_of(chore))
        await client.show_check(note["project"], check)
        await self._done(chore)

    async def deregister(self, chore: ChoreRow) -> None:
        """A machine is gone, and its runner may still be registered."""
        place = await self._store.read(lambda view: view.get(RunnerRow, chore.target))
        if place is None or place.name is None:
            await self._done(chore)
            return
        try:
            await self._remove(place)
        except Busy:
            # GitHub believes that it works, until it misses the runner.
            at = self._now() + _BUSY_S
            await self._store.serial(lambda tx: chores.again(tx, chore, at))
        else:
            await self._done(chore)

    async def retire(self, chore: ChoreRow) -> None:
        """A runner that waited in vain: it leaves GitHub, then, some time later, its machine ends.

        Unless its machine says that it works; what GitHub says of that counts for nothing.
        """
        place, working = await self._store.read(lambda view: _seen(view, chore.target))
        if place is None or not place.live:
            await self._done(chore)
        elif working:
            await self._store.serial(lambda tx: self._stay(tx, chore))
        elif "left" not in chore.note:
            try:
                await self._remove(place)
            except Busy:
                await self._store.serial(lambda tx: self._stay(tx, chore))
                return
            now = self._now()
            await self._store.serial(lambda tx: chores.again(tx, chore, now + _SETTLE_S, left=now))
        else:
            await self._store.serial(lambda tx: self._stop(tx, chore))

    async def rerun(self, chore: ChoreRow) -> None:
        """Have the jobs run again that failed because a host was lost, once GitHub knows it."""
        note = chore.note
        job = await self._store.read(lambda view: view.get(ForgeJobRow, note["job"]))
        if job is not None and job.status != Status.COMPLETED.value:
            at = self._now() + _RERUN_S
            await self._store.serial(lambda tx: chores.again(tx, chore, at))
            return
        if job is not None and job.conclusion != "success":
            client = await self._apps.installation(_of(chore))
            await client.rerun_failed_jobs(note["project"], note["run"])
        await self._done(chore)

    async def _remove(self, place: RunnerRow) -> None:
        """Raises Busy."""
        client = await self._apps.installation(place.installation)
        scope = Scope(place.owner, place.repo)
        if place.runner is not None:
            await client.delete_runner(scope, place.runner)
            return
        for runner in await client.runners(scope, name=place.name):
            if runner.name == place.name:
                await client.delete_runner(scope, runner.id)

    def _stay(self, tx: Tx, chore: ChoreRow) -> None:
        """It works after all."""
        place = tx.get(RunnerRow, chore.target)
        if place is not None:
            tx.update(RunnerRow, place.id, {}, leaving=None, seen_working=self._now())
        chores.done(tx, chore)

    def _stop(self, tx: Tx, chore: ChoreRow) -> None:
        place, working = _seen(tx, chore.target)
        if working:
            self._stay(tx, chore)
            return
        if place is not None and place.live:
            self._places.cancel(tx, place, "no job came for it")
        chores.done(tx, chore)

    async def _done(self, chore: ChoreRow) -> None:
        await self._store.serial(lambda tx: chores.done(tx, chore))


def _of(chore: ChoreRow) -> int:
    assert chore.installation is not None  # all but sweeps have one
    return chore.installation


def _seen(view: View, place: str) -> tuple[RunnerRow | None, bool]:
    """The place, and whether a job runs in it."""
    row, job = view.get(RunnerRow, place), view.get(JobRow, place)
    if row is None or job is None:
        return row, False
    return row, row.works_on is not None or seen_working(view, job)
