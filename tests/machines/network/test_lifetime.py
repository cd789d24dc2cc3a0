"""What a network leaves behind: nothing, however its owner ended."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.machines.network.lab import USER, Keeper, Lab, open_lab, until

from mayfly.system.process import run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="making namespaces needs root")


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with open_lab() as lab:
        yield lab


def namespace_of(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def namespaces() -> set[int]:
    """Every network namespace that a process is in, as far as root may look."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
            found.add(namespace_of(int(process.name)))
    return found


async def only_the_keeper(lab: Lab, keeper: Keeper) -> bool:
    """Whether the keeper has no child and its user no other process, nor the host a link."""
    children = ["--ppid", str(keeper.process.pid), "-u", str(USER)]
    listed = await run(["ps", "-o", "pid=", *children], check=False)  # none is its failure
    pids = {int(pid) for pid in listed.stdout.split()} - {keeper.process.pid}
    return not pids and await lab.links() == []


def open_fds(keeper: Keeper) -> int:
    return len(list(Path(f"/proc/{keeper.process.pid}/fd").iterdir()))


async def all_gone(lab: Lab, namespace: int) -> bool:
    return namespace not in namespaces() and await lab.links() == []


async def test_kill_9_leaves_no_interface_process_or_namespace(lab: Lab) -> None:
    keeper = await lab.keeper()
    details, (tap,) = await keeper.prepare()
    os.close(tap)
    namespace = namespace_of(details["qemu"])
    assert len(await lab.links()) == 1
    await keeper.kill()
    await until(lambda: all_gone(lab, namespace))


async def test_kill_9_of_a_users_process_leaves_nothing(lab: Lab) -> None:
    keeper = await lab.keeper(user=True)
    details, (tap,) = await keeper.prepare()
    os.close(tap)
    namespace = namespace_of(details["qemu"])
    await keeper.kill()
    await until(lambda: all_gone(lab, namespace))


@pytest.mark.parametrize("user", [False, True], ids=["root", "user"])
async def test_preparations_cancelled_at_any_moment_leave_nothing(lab: Lab, user: bool) -> None:
    keeper = await lab.keeper(user=user)
    details, (tap,) = await keeper.prepare()
    os.close(tap)
    await keeper.ask("close")
    before = open_fds(keeper)
    await keeper.ask("interrupt")
    assert open_fds(keeper) == before
    os.kill(details["qemu"], signal.SIGKILL)
    await until(lambda: only_the_keeper(lab, keeper))


async def test_many_at_once_get_networks_of_their_own(lab: Lab) -> None:
    keepers = [await lab.keeper() for _ in range(4)]
    prepared = await asyncio.gather(*(keeper.prepare() for keeper in keepers))
    for _, (tap,) in prepared:
        os.close(tap)
    assert len({details["address"] for details, _ in prepared}) == 4
    assert len({details["mac"] for details, _ in prepared}) == 4
    assert len(await lab.links()) == 4


async def test_closing_twice_removes_the_interface(lab: Lab) -> None:
    keeper = await lab.keeper()
    for _ in range(2):
        _, (tap,) = await keeper.prepare()
        os.close(tap)
    assert len(await lab.links()) == 2
    await keeper.ask("close")
    assert await lab.links() == []


async def test_reaping_waits_for_the_last_machine_and_restores_the_host(lab: Lab) -> None:
    keeper, other = await lab.keeper(), await lab.keeper()
    before = await lab.settings()
    _, (tap,) = await keeper.prepare()
    os.close(tap)
    during = await lab.settings()
    assert during != before
    assert (await other.ask("reap"))[0]["removed"] == []
    assert await lab.settings() == during
    await keeper.ask("close")
    removed, _ = await other.ask("reap")
    assert removed["removed"] == ["nftables table inet mayfly"]
    assert await lab.settings() == before
    assert (await other.ask("reap"))[0]["removed"] == []


async def test_the_hosts_rules_follow_its_other_uses(lab: Lab) -> None:
    """Each change is followed, also back to rules that had been loaded before."""
    keeper = await lab.keeper()
    seen = []
    for forwarding in "0", "1", "0":
        await lab.in_host("sh", "-c", f"echo {forwarding} > /proc/sys/net/ipv4/ip_forward")
        _, (tap,) = await keeper.prepare()
        os.close(tap)
        seen.append(await lab.settings())
        guarded = await lab.in_host("nft", "list", "set", "inet", "mayfly", "opened")
        assert ("eth0" in guarded) == (forwarding == "0")
    assert seen[0] == seen[2] != seen[1]


async def test_forwarding_that_others_need_stays_on(lab: Lab) -> None:
    await lab.in_host("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    before = await lab.settings()
    keeper = await lab.keeper()
    _, (tap,) = await keeper.prepare()
    os.close(tap)
    await keeper.ask("close")
    await keeper.ask("reap")
    assert await lab.settings() == before


async def test_preparing_again_repairs_a_firewall_that_was_flushed(lab: Lab) -> None:
    keeper = await lab.keeper()
    _, (tap,) = await keeper.prepare()
    os.close(tap)
    rules = await lab.in_host("nft", "list", "ruleset")
    await lab.in_host("nft", "flush", "ruleset")
    _, (tap,) = await keeper.prepare()
    os.close(tap)
    assert await lab.in_host("nft", "list", "ruleset") == rules


@pytest.mark.parametrize("user", [False, True], ids=["root", "user"])
async def test_a_prepared_process_has_no_power_over_its_network(lab: Lab, user: bool) -> None:
    keeper = await lab.keeper(user=user)
    details, (tap,) = await keeper.prepare()
    os.close(tap)
    if user:
        status = (await lab.in_host("cat", f"/proc/{details['qemu']}/status")).splitlines()
        held = {line.split()[1] for line in status if line.startswith(("CapEff", "CapBnd"))}
        assert held == {"0" * 16}
    assert namespace_of(details["qemu"]) != namespace_of(os.getpid())


async def test_mode_none_has_no_way_out(lab: Lab) -> None:
    keeper = await lab.keeper()
    details, (tap,) = await keeper.prepare(mode="none")
    os.close(tap)
    assert details["gateway"] is None
    assert await lab.links() == []
