"""Runs a command's coroutine under signals: the first asks to stop, the second cancels."""

import asyncio
import contextlib
import logging
import logging.handlers
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from mayfly.domain.errors import ExitCode, MayflyError
from mayfly.system.home import Home

_log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOG_BYTES = 1024 * 1024
_LOG_FILES = 3

Main = Callable[[asyncio.Event], Coroutine[Any, Any, int]]


def run_command(main: Main, home: Home, *, graceful: bool = False) -> int:
    """The exit code of `main`; 130 if it was cancelled.

    It is called with an event that the first SIGINT or SIGTERM sets; the second cancels it. Unless
    `graceful`, the first does.
    """
    with _log_in(home):
        return asyncio.run(_under_signals(main, graceful=graceful))


async def _under_signals(main: Main, *, graceful: bool) -> int:
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))

    def interrupted() -> None:
        if graceful and not stop.is_set():
            stop.set()
        else:
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupted)
    try:
        return await task
    except asyncio.CancelledError:
        return ExitCode.INTERRUPTED
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _log_in(home: Home) -> Iterator[None]:
    """Keeps our own log, with every command that is started: logs/mayfly.log, a few MiB of it."""
    handler = logging.handlers.RotatingFileHandler(
        home.logs / "mayfly.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
    )
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    )
    logging.raiseExceptions = False  # a log that cannot be written is no reason to end
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    try:
        yield
    except Exception as error:
        if not isinstance(error, MayflyError):
            _log.exception("a defect")
        raise
    finally:
        root.removeHandler(handler)
        handler.close()
