import asyncio
import contextlib
import os
import select
from pathlib import Path

import pytest

from mayfly.system.process import CommandFailed, run


async def test_run_gives_status_and_output() -> None:
    ended = await run(["sh", "-c", "cat; echo oops >&2; exit 3"], input_bytes=b"in", check=False)

    assert (ended.status, ended.stdout, ended.stderr) == (3, "in", "oops\n")


async def test_a_failure_names_the_command_its_status_and_its_last_words() -> None:
    with pytest.raises(CommandFailed, match=r"sh -c 'echo why >&2; exit 4' .* status 4: why"):
        await run(["sh", "-c", "echo why >&2; exit 4"])


async def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    # The grandchild would hold our pipe for ever; it says when it runs and locks nothing else.
    grandchild = tmp_path / "pid"
    script = f"sleep 1000 & echo $! > {grandchild}; wait"

    with pytest.raises(TimeoutError):
        await run(["sh", "-c", script], timeout=0.5)

    pid = int(await asyncio.to_thread(grandchild.read_text))
    assert not _runs(pid)


async def test_what_a_command_leaves_behind_keeps_nobody_waiting(tmp_path: Path) -> None:
    grandchild = tmp_path / "pid"

    ended = await run(
        ["sh", "-c", f"sleep 1000 & echo $! > {grandchild}; echo out; exit 3"], check=False
    )

    assert (ended.status, ended.stdout) == (3, "out\n")
    pid = int(await asyncio.to_thread(grandchild.read_text))
    await asyncio.to_thread(_wait_for, pid)  # it closes what it holds before it is gone


def _wait_for(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        watched = os.pidfd_open(pid)
        select.select([watched], [], [])
        os.close(watched)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z" and os.getpid() != pid
