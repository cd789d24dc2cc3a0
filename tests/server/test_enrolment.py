"""Hosts join once by a token, and are known by a key that only they have."""

from dataclasses import dataclass, field

import pytest

from mayfly.domain.errors import InvalidInput
from mayfly.protocol.wire import Enrol, hash_key
from mayfly.server.enrolment import HostKeys, enrol, issue_enrolment, quarantine
from mayfly.server.people.audit import Author
from mayfly.server.refusals import Conflict, Unauthenticated
from mayfly.store.memory import MemoryStore
from mayfly.store.people import AuditRow, EnrolmentRow
from mayfly.store.rows import HostRow, SessionRow

NOW = 1_000_000.0
ADMIN = Author("admin", NOW)


@dataclass
class Server:
    store: MemoryStore = field(default_factory=MemoryStore)
    now: float = NOW

    def __post_init__(self) -> None:
        self.keys = HostKeys(self.store, lambda: self.now)

    async def token(self, *labels: str) -> str:
        return await self.store.serial(lambda tx: issue_enrolment(tx, ADMIN, labels=labels))

    async def join(
        self, token: str, name: str = "h1", key: str = "key", labels: tuple[str, ...] = ()
    ) -> str:
        return await enrol(self.store, self.now, Enrol(token, name, hash_key(key), labels))

    async def host(self, name: str = "h1") -> HostRow:
        row = await self.store.read(lambda view: view.get(HostRow, name))
        assert row is not None
        return row

    async def put(self, row: HostRow) -> None:
        await self.store.serial(lambda tx: tx.put(row))


@pytest.fixture
def server() -> Server:
    return Server()


async def test_a_host_joins_and_is_known_by_its_key(server: Server) -> None:
    token = await server.token("ssd", "zone=a")
    assert await server.join(token, labels=("gpu", "ssd")) == "h1"
    assert (await server.host()).labels == ("ssd", "zone=a", "gpu")
    assert await server.keys.host_of("key") == "h1"
    with pytest.raises(Unauthenticated):
        await server.keys.host_of("another key")


async def test_neither_token_nor_key_is_kept(server: Server) -> None:
    token = await server.token()
    await server.join(token)
    rows = await server.store.read(
        lambda view: [view.find(HostRow), view.find(EnrolmentRow), view.find(AuditRow)]
    )
    assert token not in repr(rows)
    assert "'key'" not in repr(rows)


async def test_a_token_is_good_for_one_host_once(server: Server) -> None:
    token = await server.token()
    await server.join(token)
    with pytest.raises(Unauthenticated):
        await server.join(token, "h2", "another key")
    with pytest.raises(Unauthenticated):
        await server.join(token, "h1", "another key")
    assert await server.keys.host_of("key") == "h1"


async def test_joining_may_be_repeated_when_the_answer_was_lost(server: Server) -> None:
    token = await server.token()
    assert await server.join(token) == await server.join(token) == "h1"
    audited = await server.store.read(lambda view: view.find(AuditRow, action="host.enrol"))
    assert [row.actor for row in audited] == ["host:h1"]


@pytest.mark.parametrize("late_s", [3600.0, 100_000.0])
async def test_a_token_expires(server: Server, late_s: float) -> None:
    token = await server.token()
    server.now += late_s
    with pytest.raises(Unauthenticated, match="expired"):
        await server.join(token)


async def test_an_unknown_token_opens_nothing(server: Server) -> None:
    for token in ("", "mayfly_enroll_x"):
        with pytest.raises(Unauthenticated):
            await server.join(token)


async def test_a_name_belongs_to_one_host_until_that_is_removed(server: Server) -> None:
    await server.join(await server.token())
    token = await server.token()
    with pytest.raises(Conflict):
        await server.join(token, key="another key")
    row = await server.host()
    await server.put(HostRow(id="h1", created=row.created, removed=True, quarantined="ill"))
    await server.join(token, key="another key")
    assert await server.keys.host_of("another key") == "h1"
    assert (await server.host()).quarantined is None


@pytest.mark.parametrize("name", ["", "-a", "a/b", "A", "a b", "x" * 64, "é", "a\n"])
async def test_names_are_those_of_hosts(server: Server, name: str) -> None:
    token = await server.token()
    with pytest.raises(InvalidInput):
        await server.join(token, name)
    await server.join(token, "a.b-c9")


@pytest.mark.parametrize("labels", [("",), ("a b",), ("x" * 64,), ("ok",) * 51])
async def test_labels_are_plain_words(server: Server, labels: tuple[str, ...]) -> None:
    token = await server.token()
    with pytest.raises(InvalidInput):
        await server.join(token, labels=labels)
    with pytest.raises(InvalidInput):
        await server.token(*labels)


async def test_a_removed_host_is_not_known_any_more(server: Server) -> None:
    await server.join(await server.token())
    assert await server.keys.host_of("key") == "h1"
    await server.put(HostRow(id="h1", key_hash=hash_key("key"), removed=True))
    server.now += 60
    with pytest.raises(Unauthenticated):
        await server.keys.host_of("key")


async def test_a_key_is_changed_by_using_the_next(server: Server) -> None:
    await server.join(await server.token())
    for _ in range(2):  # the answer was lost
        await server.keys.change("h1", hash_key("next"))
    server.now += 60
    assert await server.keys.host_of("key") == "h1"
    server.now += 60
    assert await server.keys.host_of("next") == "h1"
    row = await server.host()
    assert (row.key_hash, row.next_key_hash, row.key_since) == (
        hash_key("next"),
        None,
        server.now,
    )
    server.now += 60
    assert await server.keys.host_of("next") == "h1"
    with pytest.raises(Unauthenticated):
        await server.keys.host_of("key")


async def test_of_several_changes_the_last_counts(server: Server) -> None:
    await server.join(await server.token())
    await server.keys.change("h1", hash_key("lost"))
    await server.keys.change("h1", hash_key("next"))
    with pytest.raises(Unauthenticated):
        await server.keys.host_of("lost")
    assert await server.keys.host_of("next") == "h1"
    with pytest.raises(InvalidInput):
        await server.keys.change("h1", "next")


async def test_sessions_are_of_one_host(server: Server) -> None:
    await server.store.write(lambda tx: tx.add(SessionRow(id="s", host="h1")))
    for _ in range(2):
        assert await server.keys.owns("h1", "s")
        assert not await server.keys.owns("h2", "s")
        assert not await server.keys.owns("h1", "t")


async def test_quarantine_keeps_its_first_reason(server: Server) -> None:
    await server.join(await server.token())
    for reason in ("no kvm", "later"):
        await quarantine(server.store, NOW, "h1", reason)
    assert (await server.host()).quarantined == "no kvm"
    await quarantine(server.store, NOW, "nobody", "x")
    audited = await server.store.read(lambda view: view.find(AuditRow, action="host.quarantine"))
    assert len(audited) == 1


async def test_who_has_no_token_keeps_nobody_waiting(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serial(_work: object) -> None:
        raise AssertionError("it takes the one turn there is to decide in the fleet")

    monkeypatch.setattr(server.store, "serial", serial)
    with pytest.raises(Unauthenticated):
        await server.join("a guess")
