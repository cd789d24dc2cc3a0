"""Webhooks: stored at once, read later, each once. Any replica reads."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from mayfly.forges.github import events
from mayfly.forges.github.events import BadDelivery, BadSignature
from mayfly.protocol.codec import DecodeError
from mayfly.server.github.news import News, may_be_ours
from mayfly.store.base import KeyTaken, Store, Tx, View
from mayfly.store.forge_rows import AppRow, DeliveryRow

INBOX = "github inbox"
"""Announced when a webhook was stored."""

LISTENED = frozenset({"workflow_job", "push", "installation", "installation_repositories"})
_AT_ONCE = 50
_APP = "x-github-hook-installation-target-id"

_log = structlog.get_logger(__name__)


class Inbox:
    """Used from one event loop. `now` gives seconds since 1970."""

    def __init__(self, store: Store, news: News, now: Callable[[], float]):
        self._store = store
        self._news = news
        self._now = now
        self._secrets: dict[str, str] = {}  # by app

    async def accept(self, headers: Mapping[str, str], body: bytes) -> None:
        """Verify it and store it; done again, nothing more happens.

        `headers` have lower-case names. Raises BadSignature, BadDelivery.
        """
        app, delivery = await self._verified(headers, body)
        if delivery.event not in LISTENED:
            return
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise BadDelivery("a webhook's body is not UTF-8") from None
        ours = delivery.event != "workflow_job" or may_be_ours(text)
        row = DeliveryRow(
            id=delivery.id,
            app=app,
            event=delivery.event,
            body=text if ours else "",
            received=self._now(),
            read=not ours,
        )

        def work(tx: Tx) -> None:
            tx.add(row)
            if ours:
                tx.announce(INBOX)

        try:
            await self._store.write(work)
        except KeyTaken:
            return

    async def read_some(self) -> set[str] | None:
        """Take in the oldest that are new; gives the kinds of runners that must be balanced.

        None if there was nothing to read.
        """
        rows = await self._store.read(_unread)
        if not rows:
            return None
        read = [(row.id, *_read(row)) for row in rows]
        return await self._store.serial(lambda tx: self._take(tx, read))

    def _take(self, tx: Tx, read: list[tuple[str, events.Event | None, str | None]]) -> set[str]:
        pools: set[str] = set()
        for key, event, problem in read:
            row = tx.get(DeliveryRow, key)
            if row is None or row.read:
                continue  # another replica was faster
            if event is not None:
                pools |= self._news.take(tx, row.app, row.id, event)
            tx.put(replace(row, read=True, problem=problem, body=""))
        return pools

    async def _verified(
        self, headers: Mapping[str, str], body: bytes
    ) -> tuple[str, events.Delivery]:
        """By the secret of the app it says it is for."""
        app = headers.get(_APP, "")
        secret = self._secrets.get(app)
        if secret is not None:
            try:
                return app, events.accept(headers, body, secret)
            except BadSignature:
                pass  # it may have been connected anew
        row = await self._store.read(lambda view: view.get(AppRow, app))
        if row is None:
            raise BadSignature("a webhook of an app that is not connected here")
        self._secrets[app] = row.webhook_secret
        return app, events.accept(headers, body, row.webhook_secret)


def _unread(view: View) -> list[DeliveryRow]:
    return view.find(DeliveryRow, order="received", read=False, limit=_AT_ONCE)


def _read(row: DeliveryRow) -> tuple[events.Event | None, str | None]:
    try:
        return events.read(row.event, row.body.encode()), None
    except DecodeError as error:
        _log.warning("webhook not understood", delivery=row.id, error=str(error))
        return None, str(error)
