"""The entry point: help, version, completion, errors and exit codes, in processes of their own."""

import errno
import json
from pathlib import Path

import pytest
from tests.cli.clones import mayfly

import mayfly as package
from mayfly.cli import main
from mayfly.domain.errors import HostCannot, InvalidInput, MayflyError


def test_version(tmp_path: Path) -> None:
    left = mayfly("--version", cwd=tmp_path, home=tmp_path)
    assert (left.status, left.out) == (0, f"mayfly {package.__version__}\n")


def test_help_names_every_command_and_shows_examples(tmp_path: Path) -> None:
    left = mayfly("--help", cwd=tmp_path, home=tmp_path, TERM="dumb", COLUMNS="100")
    assert left.status == 0
    for word in ("run", "plan", "doctor", "image", "shell", "gc", "mayfly run ci.yml --arch"):
        assert word in left.out


@pytest.mark.parametrize("command", ["run", "plan", "doctor", "image", "shell", "gc"])
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    left = mayfly(command, "--help", cwd=tmp_path, home=tmp_path)
    assert left.status == 0
    assert "Usage" in left.out


def test_the_shell_can_complete(tmp_path: Path) -> None:
    left = mayfly(
        cwd=tmp_path,
        home=tmp_path,
        _MAYFLY_COMPLETE="complete_bash",
        COMP_WORDS="mayfly d",
        COMP_CWORD="1",
    )
    assert left.out.split() == ["doctor", "drain"]


def test_an_unknown_command_leaves_with_2(tmp_path: Path) -> None:
    left = mayfly("rnu", cwd=tmp_path, home=tmp_path)
    assert left.status == 2
    assert "rnu" in left.err


def test_outside_of_a_clone_the_remedy_is_told(tmp_path: Path) -> None:
    left = mayfly("run", cwd=tmp_path, home=tmp_path)
    assert left.status == 2
    assert "is not in a git repository" in left.err
    assert "remedy: run in a clone" in left.err
    assert "Traceback" not in left.err


def test_a_configuration_that_is_wrong_leaves_with_2(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[netwrok]\n")
    left = mayfly("run", cwd=tmp_path, home=tmp_path)
    assert left.status == 2
    assert "config.toml" in left.err
    assert "netwrok" in left.err


def test_images_of_an_empty_home(tmp_path: Path) -> None:
    left = mayfly("image", "ls", cwd=tmp_path, home=tmp_path)
    assert (left.status, "mayfly image build" in left.out) == (0, True)
    assert json.loads(mayfly("image", "ls", "--json", cwd=tmp_path, home=tmp_path).out) == []


@pytest.mark.parametrize(
    "command", [("inspect", "nothing"), ("rm", "nothing"), ("build", "nothing")]
)
def test_an_image_that_does_not_exist(tmp_path: Path, command: tuple[str, str]) -> None:
    left = mayfly("image", *command, cwd=tmp_path, home=tmp_path)
    assert left.status == 2
    assert "nothing" in left.err
    assert "remedy:" in left.err


def test_a_machine_that_nobody_keeps(tmp_path: Path) -> None:
    left = mayfly("shell", "mayfly-1a2b", cwd=tmp_path, home=tmp_path)
    assert left.status == 2
    assert "no machine mayfly-1a2b is kept here" in left.err


def test_a_size_that_no_host_serves_is_refused_with_the_nearest(tmp_path: Path) -> None:
    left = mayfly("shell", "--cpu", "5000", cwd=tmp_path, home=tmp_path)
    assert left.status == 3
    assert "5000 vCPU" in left.err
    assert "the nearest that fits is mayfly-" in left.err


def left_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def app(**_options: str) -> None:
        raise error

    monkeypatch.setattr(main, "app", app)
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("error", "status"),
    [(InvalidInput("wrong"), 2), (HostCannot("cannot"), 3), (MayflyError("other"), 3)],
)
def test_our_errors_are_printed_with_evidence_and_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: MayflyError,
    status: int,
) -> None:
    error.details, error.remedy = "line one\nline two\x1b[2J", "do this"
    assert left_with(monkeypatch, error) == status
    assert capsys.readouterr().err.splitlines() == [
        f"error: {error.message}",
        "  line one",
        "  line two",
        "remedy: do this",
    ]


def test_a_defect_of_ours_leaves_with_70_and_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_with(monkeypatch, ZeroDivisionError("oh")) == 70
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "ZeroDivisionError: oh" in err
    assert "defect of Mayfly" in err


def test_a_full_disk_is_the_hosts_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert left_with(monkeypatch, OSError(errno.ENOSPC, "No space left on device")) == 3
    err = capsys.readouterr().err
    assert "No space left on device" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [["doctor"], ["run"], ["image", "ls"], ["gc"], ["shell"]])
def test_a_home_that_cannot_be_written_is_the_hosts_fault(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "file").write_text("")
    left = mayfly(*command, cwd=tmp_path, home=tmp_path, MAYFLY_HOME=str(tmp_path / "file" / "x"))
    assert left.status == 3
    assert "cannot write to" in left.err
    assert "remedy: set MAYFLY_HOME" in left.err


def test_an_exit_code_of_a_command_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left_with(monkeypatch, SystemExit(5)) == 5
