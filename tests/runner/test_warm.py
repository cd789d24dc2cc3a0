"""Rehearsals: before Ready, and in a clone that waits for its job."""

import re
from pathlib import Path

import pytest
from tests.runner.harness import IDENTITY, Done, layout_in, run_job, runner, spec_of, step

from mayfly.protocol.frames import ProtocolViolation
from mayfly.protocol.messages import Identity, JobFinished, Rehearse, SourceRequest
from mayfly.runner import warm
from mayfly.runner.settler import Settler, SettlingFailed


def files_in(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_a_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    warm.rehearse(layout, None)
    warm.rehearse(layout, None)
    assert list(layout.work.iterdir()) == []


def test_a_job_after_rehearsals_is_as_one_without(tmp_path: Path) -> None:
    steps = (step("pwd; env | sort; ls -a; ls -aR ..; echo a=1 >> $GITHUB_OUTPUT", id="x"),)
    outputs = {"a": "${{ steps.x.outputs.a }}", "answer": "${{ steps.first.outputs.answer }}"}
    (tmp_path / "jobs").mkdir()
    plain = run_job(tmp_path / "jobs", *steps, outputs=outputs)
    for file in sorted(files_in(tmp_path / "jobs"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    with runner(tmp_path / "jobs") as host:
        before = files_in(tmp_path)
        host.rehearse()
        host.rehearse()
        assert files_in(tmp_path) == before
        host.assign(spec_of(*steps, outputs=outputs))
        done = Done(host, host.until(JobFinished))
    assert done.finished == plain.finished
    assert _unnamed(done.log()) == _unnamed(plain.log())


def _unnamed(text: str) -> str:
    """Without the random part of files' names."""
    return re.sub(r"_[0-9a-f]{32}", "", text)


def test_a_job_knows_its_machine_by_name(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("echo $RUNNER_NAME ${{ runner.name }}"))
    assert done.log() == f"{IDENTITY.hostname} {IDENTITY.hostname}\n"


def test_a_rehearsing_machine_becomes_itself_before_anything_runs(tmp_path: Path) -> None:
    settled = tmp_path / "settled"

    def settle(identity: Identity, workspace: Path) -> None:
        settled.write_text(f"{identity.hostname} {workspace.is_dir()}")

    warm.rehearse(layout_in(tmp_path), None, Settler(settle), IDENTITY)
    assert settled.read_text() == f"{IDENTITY.hostname} True"


def test_a_machine_that_cannot_become_itself_does_not_rehearse(tmp_path: Path) -> None:
    def settle(_identity: Identity, _workspace: Path) -> None:
        raise OSError("no such luck")

    layout = layout_in(tmp_path)
    with pytest.raises(SettlingFailed, match="no such luck"):
        warm.rehearse(layout, None, Settler(settle), IDENTITY)
    assert list(layout.work.iterdir()) == []


def test_there_is_no_rehearsal_during_a_job(tmp_path: Path) -> None:
    def work() -> None:
        with runner(tmp_path) as host:
            host.on_request = lambda _: host.send(Rehearse(IDENTITY))
            host.assign(spec_of(step(uses="actions/checkout@v4")))
            host.until(SourceRequest)
            host.drain()

    with pytest.raises(ProtocolViolation, match="Rehearse during a job"):
        work()
