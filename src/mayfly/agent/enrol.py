"""How a host joins a server, and changes its key from time to time without anybody's help.

The host makes its keys; the server is told their hashes. So both may be asked for again when an
answer was lost, and a key that the server does not know yet is never the only one on disk.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Connection, Refused, Unreachable
from mayfly.agent.membership import Membership, MembershipFile
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.protocol import wire
from mayfly.protocol.fleet import StaleLease
from mayfly.system.locks import locked_async

_log = logging.getLogger(__name__)

KEY_AGE_S = 30 * 24 * 3600.0
_LOOK_S = 3600.0
_TRIES = 5


def new_key() -> str:
    return "mayfly_host_" + secrets.token_urlsafe(32)


async def enroll(
    connection: Connection,
    file: MembershipFile,
    membership: Membership,
    token: str,
    labels: Sequence[str],
) -> None:
    """Join as `membership` says, which has a new key. Raises MayflyError; nothing is kept then."""
    if file.path.exists():
        known = file.load()
        raise InvalidInput(
            f"this host belongs to {known.server} already, as {known.host}",
            remedy=f"remove {file.path} first, and the host on that server",
        )
    file.save(membership)  # else a full disk would cost the token
    try:
        asked = wire.Enrol(token, membership.host, wire.hash_key(membership.key), tuple(labels))
        await _asked(connection, asked)
    except BaseException:
        file.path.unlink(missing_ok=True)
        raise


async def _asked(connection: Connection, asked: wire.Enrol) -> None:
    backoff = Backoff(0.5)
    for left in reversed(range(_TRIES)):
        try:
            await connection.ask("/enroll", asked, wire.Enrolled)
        except Unreachable as error:
            if not left:
                raise HostCannot(
                    f"the server cannot be reached: {error}",
                    remedy="check --server, proxies (HTTPS_PROXY) and certificates (--ca-file)",
                ) from error
            await backoff.pause()
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise InvalidInput(
                "what answers at that address is no Mayfly server", remedy="check --server"
            ) from error
        except StaleLease as error:  # as an agent reads the status that says so
            raise InvalidInput(
                str(error), remedy="choose another with --name, or remove that one first"
            ) from error
        else:
            return


async def renew_keys(
    connection: Connection, file: MembershipFile, age_s: float = KEY_AGE_S
) -> None:
    """Runs until cancelled: whenever the key is that old, this host changes to another."""
    while True:
        if time.time() - file.load().since >= age_s:
            try:
                await _change_key(connection, file, age_s)
            except (Unreachable, Refused, HostCannot) as error:
                _log.warning("the key of this host could not be changed: %s", error)
        await asyncio.sleep(_LOOK_S)


async def _change_key(connection: Connection, file: MembershipFile, age_s: float) -> None:
    """The old key counts until the new one is first used."""
    async with locked_async(file.lock):
        membership = file.load()
        if time.time() - membership.since < age_s:
            return  # another agent of this host did it
        key = new_key()
        await connection.tell("/key", wire.NewKey(wire.hash_key(key)))
        file.save(replace(membership, key=key, since=time.time()))
        _log.info("the key of this host was changed")
