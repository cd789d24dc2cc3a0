"""The holder's end, when what was to start it fails."""

from pathlib import Path

import pytest
from tests.machines.network.lab import until

from mayfly.machines.network.holder import hold
from mayfly.system.process import CommandFailed, run


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def ended(pid: int) -> bool:
    """A process that has been killed may wait for its parent, as a zombie."""
    listed = await run(["ps", "-o", "stat=", "-p", str(pid)], check=False)
    return listed.stdout.strip() in {"", "Z"}


async def test_a_command_that_fails_is_quoted_and_its_children_are_ended(tmp_path: Path) -> None:
    # As pasta does: it fails with a child still there, which keeps the socket open.
    child = tmp_path / "child"
    script = f"exec 3<&0; sleep infinity & echo $! > {child}; echo no luck >&2; exit 3"
    before = open_fds()
    with pytest.raises(CommandFailed, match="no luck") as caught:
        await hold(["sh", "-c", script])
    assert caught.value.status == 3
    assert open_fds() == before
    pid = int(child.read_text())
    await until(lambda: ended(pid))


async def test_a_missing_command_is_the_callers_to_explain() -> None:
    with pytest.raises(FileNotFoundError):
        await hold(["/nonexistent/pasta"])
