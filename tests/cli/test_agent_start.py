"""An agent that is told to stop before it began."""

import asyncio
import time
from pathlib import Path

import pytest

from mayfly.agent.membership import Membership, MembershipFile
from mayfly.cli import agent_start
from mayfly.domain.finding import Finding
from mayfly.system.home import Home


async def test_it_ends_at_once_while_it_looks_at_its_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, ended = asyncio.Event(), asyncio.Event()

    async def examine(_home: Home) -> list[Finding]:
        stopping.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return []

    home = Home(tmp_path)
    MembershipFile(home).save(Membership("http://127.0.0.1:9", "host", "key", time.time()))
    monkeypatch.setattr(agent_start, "examine", examine)
    await agent_start.start_agent(
        home, stopping, metrics=None, reserve_mib=0, drain_s=0, pool=False
    )
    assert ended.is_set()
