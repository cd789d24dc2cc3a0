"""A host joins a server, keeps its key to itself and changes it without anybody's help."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.agent.served import HELLO, Network, Served, served
from tests.virtual_time import cancelled_at_every_turn, virtual_time

from mayfly.agent.connection import Connection, Refused
from mayfly.agent.enrol import KEY_AGE_S, enroll, new_key, renew_keys
from mayfly.agent.membership import Membership, MembershipFile
from mayfly.agent.remote import session
from mayfly.domain.errors import HostCannot, InvalidInput, MayflyError
from mayfly.protocol.wire import hash_key
from mayfly.server.enrolment import issue_enrolment
from mayfly.server.people.audit import Author
from mayfly.store.rows import HostRow
from mayfly.system.home import Home
from mayfly.system.tasks import stop


@dataclass
class Joining:
    server: Served
    file: MembershipFile
    membership: Membership

    def __post_init__(self) -> None:
        self.connection = Connection(self.server.connection._http, self.file.key)

    @property
    def network(self) -> Network:
        return self.server.network

    async def token(self) -> str:
        author = Author("admin", asyncio.get_running_loop().time())
        return await self.server.hosts.store.serial(lambda tx: issue_enrolment(tx, author))

    async def join(self, token: str | None = None) -> None:
        first = Connection(self.server.connection._http, lambda: self.membership.key)
        token = token or await self.token()
        await enroll(first, self.file, self.membership, token, ["ssd"])

    async def row(self) -> HostRow:
        row = await self.server.hosts.store.read(lambda view: view.get(HostRow, "h1"))
        assert row is not None
        return row


@asynccontextmanager
async def joining(folder: Path, age_s: float = 0, **faults: object) -> AsyncIterator[Joining]:
    since = time.time() - age_s
    async with served(**faults) as server:
        membership = Membership("http://server", "h1", new_key(), since)
        yield Joining(server, MembershipFile(Home(folder)), membership)


@virtual_time
async def test_a_host_joins_and_opens_a_session(tmp_path: Path) -> None:
    async with joining(tmp_path) as host:
        await host.join()
        assert (await host.row()).labels == ("ssd",)
        async with session(host.connection, HELLO):
            assert host.server.hosts.sessions


@virtual_time
async def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    async with joining(tmp_path) as host:
        await host.join()
        assert stat.S_IMODE(host.file.path.stat().st_mode) == 0o600
        assert MembershipFile(Home(tmp_path)).load() == host.membership


@virtual_time
async def test_joining_survives_lost_answers(tmp_path: Path) -> None:
    async with joining(tmp_path, lose_answer=0.4) as host:
        await host.join()
        assert (await host.row()).key_hash == hash_key(host.membership.key)


@virtual_time
async def test_a_host_that_could_not_join_may_try_again(tmp_path: Path) -> None:
    async with joining(tmp_path) as host:
        with pytest.raises(Refused, match="token"):
            await host.join("mayfly_enroll_wrong")
        host.network.cut = True
        with pytest.raises(HostCannot, match="cannot be reached"):
            await host.join()
        assert not host.file.path.exists()
        host.network.cut = False
        await host.join()


@virtual_time
async def test_a_host_joins_one_server(tmp_path: Path) -> None:
    async with joining(tmp_path) as host:
        await host.join()
        with pytest.raises(InvalidInput, match="already, as h1"):
            await host.join()


def test_a_host_that_did_not_join_is_told_how(tmp_path: Path) -> None:
    file = MembershipFile(Home(tmp_path))
    with pytest.raises(InvalidInput) as caught:
        file.load()
    assert "mayfly agent enroll" in (caught.value.remedy or "")
    file.path.write_text("{}")
    with pytest.raises(HostCannot):
        file.load()


@virtual_time
async def test_a_young_key_is_kept(tmp_path: Path) -> None:
    async with joining(tmp_path, age_s=KEY_AGE_S - 3600) as host:
        await host.join()
        renewing = asyncio.create_task(renew_keys(host.connection, host.file))
        await asyncio.sleep(7200)
        assert host.file.load() == host.membership
        await stop(renewing)


@pytest.mark.parametrize("faults", [{}, {"lose_answer": 0.2, "lose_request": 0.1}])
@virtual_time
async def test_an_old_key_is_changed_while_the_host_works(
    tmp_path: Path, faults: dict[str, float]
) -> None:
    async with joining(tmp_path, age_s=KEY_AGE_S + 1) as host:
        await host.join()
        for name, probability in faults.items():
            setattr(host.network, name, probability)
        renewing = asyncio.create_task(renew_keys(host.connection, host.file))
        async with session(host.connection, HELLO) as control:
            lasting = asyncio.create_task(control.claim(HELLO.capacity))
            await asyncio.sleep(4 * 3600)
            assert not lasting.done()
            await stop(lasting)
        new = host.file.load()
        assert new.key != host.membership.key
        assert new == replace(host.membership, key=new.key, since=new.since)
        assert (await host.row()).key_hash == hash_key(new.key)
        assert (await host.row()).next_key_hash is None
        await stop(renewing)


@virtual_time
async def test_another_agent_of_the_host_goes_on_with_the_new_key(tmp_path: Path) -> None:
    async with joining(tmp_path, age_s=KEY_AGE_S + 1) as host:
        await host.join()
        other = Connection(host.connection._http, MembershipFile(Home(tmp_path)).key)
        async with session(other, HELLO):
            renewing = asyncio.create_task(renew_keys(host.connection, host.file))
            await asyncio.sleep(10)
            await host.connection.tell("/sessions/session-1/renew")
            await asyncio.sleep(1000)
            assert not host.server.hosts.sessions["session-1"].ended
            await stop(renewing)


def test_a_host_is_known_at_whatever_moment_the_change_of_its_key_is_cut_short(
    tmp_path: Path,
) -> None:
    numbers = iter(range(10_000))

    async def work() -> None:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        async with joining(folder, age_s=KEY_AGE_S + 1) as host:
            await host.join()
            renewing = asyncio.create_task(renew_keys(host.connection, host.file))
            try:
                while host.file.load() == host.membership:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            finally:
                await stop(renewing)
                async with session(host.connection, HELLO):
                    pass

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mayfly.agent.membership.os.fsync", lambda descriptor: None)
        assert cancelled_at_every_turn(work, lambda: None) > 10


@virtual_time
async def test_a_full_disk_costs_no_token(tmp_path: Path) -> None:
    async with joining(tmp_path) as host:
        token = await host.token()
        with pytest.MonkeyPatch.context() as patched:

            def full(_descriptor: int) -> None:
                raise OSError(28, "No space left on device")

            patched.setattr("mayfly.agent.membership.os.fsync", full)
            with pytest.raises(MayflyError, match="No space left"):
                await host.join(token)
        await host.join(token)
