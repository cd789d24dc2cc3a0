"""The holder's end, when what was to start it fails."""

from pathlib import Path

import pytest

from mayfly.machines.network.holder import hold
from mayfly.system.process import CommandFailed


def open_fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def runs(pid: int) -> bool:
    """A process that has been killed may wait for its parent, as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] not in "ZX"
    except FileNotFoundError:
        return False


async def test_a_command_that_fails_is_quoted_and_its_children_are_ended(tmp_path: Path) -> None:
    # As pasta does: it fails with a child still there, which keeps the socket open.
    child = tmp_path / "child"
    script = f"exec 3<&0; sleep infinity & echo $! > {child}; echo no luck >&2; exit 3"
    before = open_fds()
    with pytest.raises(CommandFailed, match="no luck") as caught:
        await hold(["sh", "-c", script])
    assert caught.value.status == 3
    assert open_fds() == before
    assert not runs(int(child.read_text()))


async def test_a_missing_command_is_the_callers_to_explain() -> None:
    with pytest.raises(FileNotFoundError):
        await hold(["/nonexistent/pasta"])
