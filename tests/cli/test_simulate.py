"""`mayfly simulate`, as a person and as a program use it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mayfly.cli.main import app
from mayfly.domain.errors import HostCannot, InvalidInput

SMALL = ("--generate", "--jobs-per-day", "2000", "--hosts", "10", "--projects", "3", "--hours", "2")

HOSTS = {"name": "h", "cpu": 1, "memory_mib": 1024, "architectures": ["arm64"]}


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["simulate", *arguments], catch_exceptions=False)
    if isinstance(result.exception, SystemExit):
        assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_a_table_compares_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out, err = run(*SMALL)
    assert "How long 167 jobs wait on 9 hosts" in out
    for word in (
        "mayfly",
        "fixed guess",
        "first come",
        "up to 1 vCPU",
        "flooding",
        "vCPU given out",
        "longest",
    ):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80
    assert "simulating: mayfly: 100%" in err
    assert "simulating: fixed guess: 100%" in err
    assert "simulating: first come: 100%" in err
    assert "jobs that took longer than expected" in out


def test_a_saved_trace_gives_the_same_again(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    made, _ = run(*SMALL, "--json", "--save", str(file))
    read, _ = run(str(file), "--json")
    assert made == read
    document = json.loads(made)
    assert (document["jobs"], document["hosts"]) == (167, 9)
    assert set(document["policies"]) == {"mayfly", "fixed guess", "first come"}
    assert document["policies"]["mayfly"]["every"]["jobs"] == 167


def test_jobs_that_never_start_are_told(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    job = {"at": 0, "project": "p", "cpu": 1, "memory_mib": 512, "seconds": 5}
    file.write_text(f"{json.dumps({'hosts': [HOSTS]})}\n{json.dumps(job)}\n")
    assert "mayfly: 1 job never started: no host can run it" in run(str(file))[0]


@pytest.mark.parametrize("arguments", [[], ["trace.json", "--generate"]])
def test_either_a_trace_or_a_made_up_one(arguments: list[str]) -> None:
    with pytest.raises(InvalidInput, match="either a TRACE or --generate"):
        run(*arguments)


def test_a_trace_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    missing, binary = tmp_path / "missing.json", tmp_path / "binary"
    with pytest.raises(InvalidInput) as unread:
        run(str(missing))
    assert str(unread.value) == f"{missing}: cannot be read: No such file or directory"
    binary.write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="binary: not a trace: "):
        run(str(binary))
    with pytest.raises(HostCannot) as unwritten:
        run(*SMALL, "--save", str(tmp_path))
    assert str(unwritten.value) == f"{tmp_path}: cannot be written: Is a directory"
    empty = tmp_path / "empty.json"
    empty.write_text(
        '{"hosts": [{"name": "h", "cpu": 1, "memory_mib": 1, "architectures": ["arm64"]}]}'
    )
    with pytest.raises(InvalidInput, match="the trace has no jobs"):
        run(str(empty))
