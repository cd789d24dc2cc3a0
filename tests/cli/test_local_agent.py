"""The agent that `mayfly up` starts: what it is told, and what is heard of its end."""

import asyncio
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mayfly.agent.membership import Membership, MembershipFile
from mayfly.cli.local_agent import local_agent
from mayfly.cli.main import app
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.system.home import Home


@pytest.mark.parametrize(
    ("pool", "json_logs", "options"),
    [(True, False, ["--pool", "--no-json-logs"]), (False, True, ["--no-pool", "--json-logs"])],
)
async def test_it_is_told_whether_to_keep_machines_waiting_and_how_to_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pool: bool,
    json_logs: bool,
    options: list[str],
) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/told\nexit 7\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    async with local_agent(pool=pool, json_logs=json_logs) as agent:
        with pytest.raises(HostCannot, match="the agent ended with status 7"):
            await agent.until(asyncio.Event())
    told = (tmp_path / "told").read_text().split()
    assert told[-4:] == ["agent", "run", *options]


def test_a_home_of_another_server_is_refused_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAYFLY_HOME", str(tmp_path))
    MembershipFile(Home(tmp_path)).save(Membership("http://127.0.0.1:1", "h", "key", since=0))
    with pytest.raises(InvalidInput, match="already"):
        CliRunner().invoke(app, ["up", "--listen", "127.0.0.1:2"], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["agent.json"]
