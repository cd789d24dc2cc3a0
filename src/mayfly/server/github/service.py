"""All of GitHub behind one object: what the server's routes call, and the loops it runs."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from mayfly.domain.errors import MayflyError
from mayfly.forges.github.connector import Connector
from mayfly.forges.github.errors import GitHubError, RateLimited, ServerTrouble
from mayfly.server.github import chores
from mayfly.server.github.apps import Apps
from mayfly.server.github.connecting import Place
from mayfly.server.github.ends import Ends
from mayfly.server.github.errands import Errands
from mayfly.server.github.handover import RunnerHandOver
from mayfly.server.github.inbox import INBOX, Inbox
from mayfly.server.github.looks import Looks
from mayfly.server.github.news import News
from mayfly.server.github.places import Places, key_of
from mayfly.server.github.pruning import prune
from mayfly.server.orchestrator import Orchestrator
from mayfly.store.base import Store
from mayfly.store.forge_rows import ChoreRow
from mayfly.store.rows import ProjectRow
from mayfly.system.tasks import first

_LOOK_S = 2.0
_SHARE = 10.0
_BALANCE_S = 1.0
_MADE_AT_ONCE = 5
_LOOK_AGAIN_S = 10.0
_FIRST_BACKOFF_S = 5.0
_LONGEST_BACKOFF_S = 600.0
_TRIES = 10
_PRUNE_S = 3600.0
_PRUNE_SOON_S = 5.0

_log = structlog.get_logger(__name__)


class GitHub:
    """`run` until cancelled; any number of replicas do. `now` gives seconds since 1970."""

    def __init__(
        self,
        store: Store,
        orchestrator: Orchestrator,
        connector: Connector,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        place: Place,
    ):
        """`place` is the GitHub where new apps are made."""
        self._store = store
        self._now = now
        self.connector = connector
        self.place = place
        self.apps = Apps(store, connector)
        places = Places(orchestrator, now, new_id)
        news = News(places, now)
        self.hand_over = RunnerHandOver(store, self.apps, now, new_id)
        self.inbox = Inbox(store, news, now)
        self._places = places
        self._unbalanced: set[str] = set()
        self._balanced = 0.0
        self._ends = Ends(places, now)
        errands = Errands(store, self.apps, places, now)
        looks = Looks(store, self.apps, news, places, now)
        self._doers: dict[str, Callable[[ChoreRow], Awaitable[None]]] = {
            chores.CHECK: errands.check,
            chores.DEREGISTER: errands.deregister,
            chores.RETIRE: errands.retire,
            chores.RERUN: errands.rerun,
            chores.POLL: looks.poll,
            chores.GHOSTS: looks.ghosts,
            chores.SYNC: looks.sync,
            chores.SWEEP: looks.sweep,
            chores.PRUNE: self._prune,
        }

    async def token(self, project: ProjectRow) -> str | None:
        """What reads the project's repository, at GitHub and nowhere else.

        It opens all that the installation may see, while an administrator of the project chooses
        where it is cloned from: so another address gets none. Raises GitHubError, NotConnected.
        """
        if project.installation is None or project.clone_url is None:
            return None
        home = await self.apps.clone_url(project.installation, project.id)
        if project.clone_url.removesuffix(".git") != home.removesuffix(".git"):
            return None
        return await (await self.apps.installation(project.installation)).token()

    async def run(self) -> None:
        await first(
            self._loop(self.read_inbox, INBOX, _LOOK_AGAIN_S),
            self._loop(self._follow, None, _LOOK_S),
            self._loop(self._do_chores, chores.CHORES, _LOOK_S),
        )

    async def _loop(
        self, step: Callable[[], Awaitable[bool]], topic: str | None, pause_s: float
    ) -> None:
        """Again and again; at once while there is more, and when the topic is announced."""
        watch = self._store.watch(*([topic] if topic else []))
        try:
            while True:
                try:
                    while await step():
                        pass
                except MayflyError as error:  # the database is away, say
                    _log.warning("github loop failed", error=error.message)
                await first(watch.wait(), asyncio.sleep(pause_s))
        finally:
            watch.close()

    async def read_inbox(self) -> bool:
        """Take in some webhooks, and once all are read, or a second is over, do what they ask for.

        What a crash leaves undone of that is found by the next look at all. False if there was
        nothing to do.
        """
        pools = await self.inbox.read_some()
        self._unbalanced |= pools or set()
        if self._unbalanced and (pools is None or self._now() > self._balanced + _BALANCE_S):
            wanted, self._unbalanced = self._unbalanced, set()
            self._balanced = self._now()
            await self._balance(wanted)
            return True
        return pools is not None

    async def _balance(self, pools: set[str]) -> None:
        """Many new places in several transactions: webhooks wait for none of them for long."""
        plan = await self._store.read(lambda view: self._places.plan(view, pools))
        keys = [key_of(*waiting.key) for waiting in plan.make]
        for begin in range(0, len(keys), _MADE_AT_ONCE):
            some = keys[begin : begin + _MADE_AT_ONCE]
            await self._store.serial(lambda tx, some=some: self._places.make(tx, some))  # type: ignore[misc]
        if plan.give_up:
            await self._store.serial(lambda tx: self._places.balance(tx, pools))

    async def _follow(self) -> bool:
        """However much there is to look at, it takes but a small share of the time."""
        begun = self._now()
        due = await self._store.read(self._ends.look)
        if due:
            await self._store.serial(lambda tx: self._ends.carry_out(tx, due))
        await asyncio.sleep(_SHARE * (self._now() - begun))
        return False

    async def _do_chores(self) -> bool:
        now = self._now()
        if not await self._store.read(lambda view: view.find(ChoreRow, due__lt=now, limit=1)):
            return False
        taken = await self._store.serial(lambda tx: chores.take(tx, now))
        async with asyncio.TaskGroup() as doing:
            for chore in taken:
                doing.create_task(self._do(chore))
        return bool(taken)

    async def _prune(self, chore: ChoreRow) -> None:
        more = await self._store.serial(lambda tx: prune(tx, self._now()))
        at = self._now() + (_PRUNE_SOON_S if more else _PRUNE_S)
        await self._store.serial(lambda tx: chores.again(tx, chore, at))

    async def _do(self, chore: ChoreRow) -> None:
        """Where even its failure cannot be noted, it is done again once nobody has it any more."""
        try:
            try:
                await self._doers[chore.kind](chore)
            except MayflyError as error:
                await self._failed(chore, error)
        except MayflyError as error:
            _log.warning("github chore's failure not noted", chore=chore.id, error=error.message)

    async def _failed(self, chore: ChoreRow, error: MayflyError) -> None:
        """Once more, later; a thing to be done once is given up in the end."""
        _log.warning("github chore failed", chore=chore.id, error=error.message)
        hopeless = isinstance(error, GitHubError) and not isinstance(
            error, RateLimited | ServerTrouble
        )
        once = chore.kind in {chores.CHECK, chores.DEREGISTER, chores.RERUN}
        tries = chore.tries + 1
        if once and (tries >= _TRIES or (hopeless and tries > 1)):
            await self._store.serial(lambda tx: chores.done(tx, chore))
            return
        wait = min(_FIRST_BACKOFF_S * 2 ** min(chore.tries, 20), _LONGEST_BACKOFF_S)
        at = self._now() + wait
        if isinstance(error, RateLimited):
            at = max(at, error.until)
        limited = isinstance(error, RateLimited)
        await self._store.serial(lambda tx: chores.again(tx, chore, at, failed=not limited))
