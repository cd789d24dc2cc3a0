"""`mayfly plan` as a person and as a program sees it, in a process of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.clones import Left, clone, mayfly

CI = """\
name: CI
on: push
jobs:
  test:
    needs: build
    runs-on: mayfly-arm64-8cpu-16gb
    steps: [{run: ./test}]
  build:
    runs-on: ubuntu-latest
    strategy: {matrix: {cc: [gcc, clang]}}
    steps: [{uses: actions/checkout@v4}, {uses: foo/setup@v1}, {run: make}]
  windows:
    runs-on: windows-latest
    steps: [{run: make}]
  never:
    if: false
    runs-on: ubuntu-latest
    steps: [{run: make}]
"""
CACHED = """\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/cache@v4
"""


def plan(tmp_path: Path, *arguments: str, **workflows: str) -> Left:
    repo = clone(tmp_path, {f"{name}.yml": text for name, text in workflows.items()})
    return mayfly("plan", *arguments, cwd=repo, home=tmp_path / "home")


def row(left: Left, job: str) -> str:
    return next(line for line in left.out.splitlines() if f" {job} " in line)


def test_jobs_stand_in_their_order_with_their_machines(tmp_path: Path) -> None:
    left = plan(tmp_path, ci=CI)
    assert left.status == 0
    assert left.err == ""
    order = [line.split()[1] for line in left.out.splitlines() if line.startswith("   1 ")]
    assert order == ["build", "build"]
    assert row(left, "test").startswith("   2 ")
    assert "arm64  8 vCPU  16 GiB" in row(left, "test")
    assert "amd64" in row(left, "build (gcc)")
    assert "waits for" in row(left, "test")


def test_reasons_of_what_does_not_run(tmp_path: Path) -> None:
    left = plan(tmp_path, ci=CI, docs=CACHED.replace("push", "{push: {branches: [docs]}}"))
    assert "left out: " in row(left, "windows")
    assert "Windows" in row(left, "windows")
    assert "skipped: " in row(left, "never")
    assert "branch 'main' does not match 'docs'" in left.out
    assert "fetched first: foo/setup@v1" in left.out


def test_what_is_not_supported_is_refused_by_place(tmp_path: Path) -> None:
    left = plan(tmp_path, ci=CACHED)
    assert left.status == 2
    assert "refused: .github/workflows/ci.yml:6:15: 'actions/cache@v4'" in row(left, "build")


def documents(left: Left) -> dict[str, Any]:
    document = json.loads(left.out)
    assert isinstance(document, dict)
    return document


def test_json_has_the_same_for_programs(tmp_path: Path) -> None:
    document = documents(plan(tmp_path, "--json", "--arch", "arm64", ci=CI))
    [run] = document["runs"]
    jobs = {job["job"]: job for job in run["jobs"]}
    assert (run["workflow"], run["leg"], run["event"]) == (
        ".github/workflows/ci.yml", "arm64", "push",
    )  # fmt: skip
    test = jobs["test"]
    assert (test["architecture"], test["cpu"], test["memory_mib"]) == ("arm64", 8, 16384)
    assert (test["stage"], test["state"], test["needs"]) == (
        2, "blocked", ["build (gcc)", "build (clang)"],
    )  # fmt: skip
    assert jobs["never"]["state"] == "skipped"
    assert jobs["windows"]["refused"] is False
    assert run["actions"] == ["foo/setup@v1"]


def test_a_file_that_is_wrong_is_shown_with_a_caret(tmp_path: Path) -> None:
    left = plan(tmp_path, ci="on: push\njobs:\n  build:\n    runs_on: x\n    steps: []\n")
    assert left.status == 2
    assert left.out == ""
    lines = left.err.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(".github/workflows/ci.yml:4:5:"))
    assert lines[at + 1] == "    4 │     runs_on: x"
    assert lines[at + 2] == "      │     ^"
    assert "problem" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--arch", "riscv", "--env", "1=2"], ["riscv", "'1'"]),
        (["--event-file", "missing.json"], ["missing.json"]),
        (["nothing.yml"], ["nothing.yml"]),
        (["--job", "biuld"], ["did you mean 'build'?"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["--repo", "/"], ["not in a git repository"]),
    ],
)
def test_a_wrong_command_line_leaves_with_2(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    left = plan(tmp_path, *arguments, ci=CI)
    assert left.status == 2
    assert left.out == ""
    assert all(word in left.err for word in words)
    assert "Traceback" not in left.err


def test_text_from_a_hostile_clone_cannot_touch_the_terminal(tmp_path: Path) -> None:
    evil = (
        'name: "a\\e[2Jb\\u202e"\non: push\njobs: {"x": {name: "\\e]0;t\\a", runs-on: "\\e[31m"}}\n'
    )
    left = plan(tmp_path, ci=evil)
    assert "\x1b" not in left.out + left.err
    assert "\u202e" not in left.out + left.err


def test_the_plan_needs_neither_machines_nor_the_screen(tmp_path: Path) -> None:
    """Starting quickly depends on what is not imported."""
    repo = clone(tmp_path, {"ci.yml": CI})
    left = mayfly("plan", cwd=repo, home=tmp_path / "home", PYTHONVERBOSE="1")
    for module in ("rich.console", "mayfly.machines.qemu.driver", "mayfly.server", "qemu.qmp"):
        assert f"import '{module}'" not in left.err
