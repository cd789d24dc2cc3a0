"""Carries out several works in one database transaction, each as if it were alone.

A work that raises is undone to the moment before it, and the others go on. An error of the
database undoes all of them: what the database asks to try again is tried again, and if one of
several may be at fault each is tried alone. Works may be called again, see `store.base`.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mayfly.store.sql.batch import Batch
from mayfly.store.sql.driver import Driver, Link, Mode, Trouble, unavailable
from mayfly.store.sql.lanes import Call
from mayfly.store.sql.model import Model
from mayfly.store.sql.transaction import Transaction

_ATTEMPTS = 8
_PATIENCE_S = 5.0
_HOPELESS = frozenset({Trouble.FULL, Trouble.DAMAGED})
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Carried:
    """One database transaction, for metrics: how many works, how long the first of them had
    waited and how long it took until all were done.
    """

    mode: Mode
    works: int
    waited_s: float
    took_s: float


Observe = Callable[[Carried], None]
"""Called in the thread of the works; must be quick and must not raise."""


class Connected:
    """See `lanes.Worker`. Connects when first needed, and anew after its connection broke."""

    def __init__(self, model: Model, driver: Driver, mode: Mode, observe: Observe):
        self._model = model
        self._driver = driver
        self._mode = mode
        self._observe = observe
        self._link: Link | None = None
        self._committing = False
        self._down = False  # and then no later call is made to wait for it

    def carry_out(self, calls: Sequence[Call]) -> Iterable[str]:
        begun = time.monotonic()
        waited = begun - min(call.asked for call in calls)
        try:
            return self._persist(calls)
        finally:
            taken = time.monotonic() - begun
            self._observe(Carried(self._mode, len(calls), waited, taken))

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _persist(self, calls: Sequence[Call]) -> Iterable[str]:
        until = time.monotonic() + _PATIENCE_S
        pauses = itertools.islice(_pauses(), 0 if self._down else _ATTEMPTS - 1)
        while True:
            try:
                topics = self._once(calls)
            except Exception as error:  # noqa: BLE001 (someone waits for each call)
                trouble = self._trouble(error)
                self._recover(trouble)
                self._down = trouble is Trouble.GONE
                if trouble is Trouble.WRONG:
                    return self._one_by_one(calls, error)
                pause = None if time.monotonic() > until else next(pauses, None)
                lost = self._down and self._committing
                if lost or pause is None or trouble in _HOPELESS:
                    return self._fail(calls, unavailable(self._driver, error, trouble))
                time.sleep(pause)
            else:
                self._down = False
                return topics

    def _once(self, calls: Sequence[Call]) -> Iterable[str]:
        self._committing = False
        if self._link is None:
            self._link = self._driver.connect(self._mode)
        link = self._link
        link.begin()
        batch = Batch(self._model.journals, link, alone=len(calls) == 1)
        number = self._tick(link, calls)
        committed = max(0, number - 1)
        for call in calls:
            serial = call.mode is Mode.SERIAL
            tx = Transaction(self._model, batch, number if serial else 0, committed)
            self._work(call, batch, tx)
            number += serial
        if all(call.error is not None for call in calls):
            link.rollback()
            return ()
        topics = batch.finish()
        self._committing = True
        link.commit(topics)
        return topics

    def _tick(self, link: Link, calls: Sequence[Call]) -> int:
        """The number of the first serial work."""
        serial = sum(call.mode is Mode.SERIAL for call in calls)
        if not serial:
            return 0
        ((last,),) = link.rows(self._model.clock.tick(), {"by": serial})
        return int(last) - serial + 1

    def _work(self, call: Call, batch: Batch, tx: Transaction) -> None:
        call.error = None
        try:
            call.result = call.work(tx)
        except self._driver.errors:
            raise
        except Exception as error:  # noqa: BLE001 (whatever a work raises is its caller's)
            call.error = error
            batch.drop()
        else:
            batch.keep()

    def _trouble(self, error: Exception) -> Trouble:
        """What is not the database's is the fault of what a work wrote."""
        ours = not isinstance(error, self._driver.errors)
        return Trouble.WRONG if ours else self._driver.trouble(error)

    def _recover(self, trouble: Trouble) -> None:
        if self._link is not None:
            if trouble is Trouble.GONE:
                self.close()
            else:
                self._link.rollback()

    def _one_by_one(self, calls: Sequence[Call], error: Exception) -> Iterable[str]:
        if len(calls) == 1:
            return self._fail(calls, error)
        topics: dict[str, None] = {}
        for call in calls:
            topics.update(dict.fromkeys(self._persist([call])))
        return topics

    def _fail(self, calls: Sequence[Call], error: Exception) -> Iterable[str]:
        for call in calls:
            call.error = error
        return ()


def _pauses() -> Iterator[float]:
    """Longer and longer, none like another's."""
    pause = _FIRST_PAUSE_S
    while True:
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
