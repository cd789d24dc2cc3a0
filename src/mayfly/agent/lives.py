"""Sessions of this host's agents, by folders that their processes hold: `sessions/<id>`.

A killed agent took its machines along, but its session lives on at the server for a while, and
nobody else gets its jobs. Whoever starts next on this host tells the server.
"""

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path

from mayfly.agent.connection import Connection, Refused, Unreachable
from mayfly.protocol.fleet import StaleLease
from mayfly.system.home import Home
from mayfly.system.owned import owned_folder, reap_folders

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_WITHIN_S = 10.0


@contextlib.contextmanager
def living(home: Home, session: str) -> Iterator[None]:
    """This process has the session, while the block runs."""
    if not _NAME.fullmatch(session):  # it comes from the server, and becomes a path
        yield
        return
    with owned_folder(_folder(home), session):
        yield


async def close_left(home: Home, connection: Connection) -> None:
    """End the sessions of agents that were killed, if the server can be reached."""
    for path in reap_folders(_folder(home)):
        _log.info("an agent of this host was killed; its session %s is closed", path.name)
        with contextlib.suppress(Unreachable, Refused, StaleLease):
            await connection.tell(f"/sessions/{path.name}", within=_WITHIN_S, method="DELETE")


def _folder(home: Home) -> Path:
    folder = home.root / "sessions"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
