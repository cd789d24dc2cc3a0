"""Steps of a job, run for real in a temporary directory."""

from pathlib import Path

from tests.runner.harness import run_job, step


def test_a_step_prints_and_succeeds(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("echo hello; echo there >&2"))
    assert done.log() == "hello\nthere\n"
    assert done.outcomes == ["success"]
    assert done.finished.conclusion == "success"
