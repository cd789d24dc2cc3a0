"""The agent that `mayfly up` starts: what it is told, and what is heard of its end."""

import asyncio
import sys
from pathlib import Path

import pytest

from mayfly.cli.local_agent import local_agent
from mayfly.domain.errors import HostCannot


@pytest.mark.parametrize(("pool", "option"), [(True, "--pool"), (False, "--no-pool")])
async def test_it_is_told_whether_to_keep_machines_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: bool, option: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/told\nexit 7\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    async with local_agent(pool=pool) as agent:
        with pytest.raises(HostCannot, match="the agent ended with status 7"):
            await agent.until(asyncio.Event())
    told = (tmp_path / "told").read_text().split()
    assert told[-3:] == ["agent", "run", option]
