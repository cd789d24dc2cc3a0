"""Hears what other servers announce: one connection and one thread a process."""

import contextlib
import json
import os
import select
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from mayfly.store.sql.driver import Heard

CHANNEL = "mayfly"
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class PostgresListener:
    """See `driver.Listener`. Listens when made, or raises.

    Connects anew when its connection breaks, and then says that anything may have been announced
    meanwhile. What this process announced itself is left out.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], sender: str, heard: Heard):
        self._connect = connect
        self._sender = sender
        self._heard = heard
        self._connection: psycopg.Connection[Any] | None = self._listening()
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._main, name="store listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._stop >= 0:
            os.close(self._stop)
            self._stop = -1
            self._thread.join()
            os.close(self._stopped)

    def _main(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            with contextlib.suppress(psycopg.Error):
                if self._connection is None:
                    self._connection = self._listening()
                    self._heard(None)
                pause = _FIRST_PAUSE_S
                with self._connection:
                    if not self._listen(self._connection):
                        return
            self._connection = None
            if self._stopped_within(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _listening(self) -> psycopg.Connection[Any]:
        connection = self._connect()
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def _listen(self, connection: psycopg.Connection[Any]) -> bool:
        """Returns False when told to stop; raises when the connection breaks."""
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN)
        ready.register(self._stopped, select.POLLIN)
        while True:
            if any(descriptor == self._stopped for descriptor, _ in ready.poll()):
                return False
            for notification in connection.notifies(timeout=0):
                if topics := list(self._from_others(notification.payload)):
                    self._heard(topics)

    def _from_others(self, payload: str) -> Iterable[str]:
        sender, _, note = payload.partition(":")
        return [] if sender == self._sender else json.loads(note)

    def _stopped_within(self, seconds: float) -> bool:
        ready = select.poll()
        ready.register(self._stopped, select.POLLIN)
        return bool(ready.poll(seconds * 1000))
