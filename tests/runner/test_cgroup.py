"""The bounds of a job's control group, told from the kernel's counters."""

from pathlib import Path

from mayfly.runner.cgroup import JobGroup


def write(group: Path, **files: str) -> None:
    for name, text in files.items():
        (group / name.replace("_", ".", 1)).write_text(text)


def test_bounds_are_told_once(tmp_path: Path) -> None:
    write(tmp_path, memory_max=str(512 * 2**20), pids_max="700\n")
    group = JobGroup(tmp_path)
    assert group.exceeded() is None
    write(tmp_path, memory_events="low 0\noom 3\noom_kill 1\n", pids_events="max 0\n")
    assert group.exceeded() == "the machine's memory was full (512 MiB), so a process was killed"
    assert group.exceeded() is None
    write(tmp_path, pids_events="max 5\n")
    assert group.exceeded() == "the job had 700 processes, the most this machine allows"
    assert group.exceeded() is None


def test_everything_in_the_group_is_killed_at_once(tmp_path: Path) -> None:
    write(tmp_path, cgroup_kill="")
    JobGroup(tmp_path).kill()
    assert (tmp_path / "cgroup.kill").read_text() == "1"
