"""What a server is made of, as its routes see it; put together by `server.main`."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from mayfly.server.metrics import Metrics
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.people.sign_in import SignIn
from mayfly.server.settings import Settings
from mayfly.store.base import Entry, Store


class Journal(Protocol):
    def follow(self, run: str, after: int, job: str | None = None) -> AsyncIterator[Entry]:
        """A run's entries after a number, those to come too, until the run is over."""


class Blobs(Protocol):
    """See `store.blobs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`now` gives seconds since 1970."""

    store: Store
    blobs: Blobs
    orchestrator: Orchestrator
    journal: Journal
    sign_in: SignIn
    metrics: Metrics
    settings: Settings
    now: Callable[[], float]
