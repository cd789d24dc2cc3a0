"""Folders that go with their owner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mayfly.services.scratch import reap, scratch, scratch_of
from mayfly.system.home import Home

OWNER = """
import sys, time
from pathlib import Path
from mayfly.services.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    time.sleep(1000)
"""


def test_it_is_removed_at_the_end_even_of_a_failure(tmp_path: Path) -> None:
    def fail() -> None:
        with scratch(tmp_path) as folder:
            (folder / "deep").mkdir()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("in_cache", [False, True])
def test_what_a_killed_owner_left_is_reaped_and_nothing_else(
    tmp_path: Path, in_cache: bool
) -> None:
    home = Home(tmp_path)
    parent = scratch_of(home.actions) if in_cache else home.spool
    command = (sys.executable, "-c", OWNER, str(parent))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        with scratch(parent) as ours:
            assert reap(home) == []
            os.kill(owner.pid, signal.SIGKILL)
            owner.wait()
            assert reap(home) == [f"unfinished work {folder.name} in {parent}"]
            assert list(parent.iterdir()) == [ours]
