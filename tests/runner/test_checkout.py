"""The built-in checkout, from real repositories."""

from pathlib import Path
from typing import Any

import pytest
from tests.runner.harness import Done, Host, run_job, step
from tests.runner.repositories import commit, git, packed, repository, tar_of

CHECKOUT = "actions/checkout@v4"


def check_out(tmp_path: Path, source: bytes, *scripts: str, **inputs: str) -> Done:
    def prepare(host: Host) -> None:
        host.sources[None] = source

    more: dict[str, Any] = {"prepare": prepare}
    first = step(uses=CHECKOUT, with_=inputs, id="checkout")
    return run_job(tmp_path, first, *map(step, scripts), **more)


@pytest.mark.parametrize("index", [False, True])
def test_the_commit_is_there_on_its_branch(tmp_path: Path, index: bool) -> None:
    clone = repository(tmp_path / "clone", {"a.txt": "one\n", "b/c.txt": "two\n"})
    sha = git(clone, "rev-parse", "HEAD")
    done = check_out(
        tmp_path,
        packed(clone, index=index),
        "cat a.txt b/c.txt",
        "git rev-parse HEAD; git branch --show-current; git remote get-url origin",
        "git status --porcelain; git fsck --strict",
        "echo ${{ steps.checkout.outputs.commit }}",
    )
    assert done.outcomes == ["success"] * 5, done.host.logs
    assert done.log(2) == "one\ntwo\n"
    assert done.log(3) == f"{sha}\nmain\nhttps://example.org/octo/demo\n"
    assert done.log(4) == ""
    assert done.log(5) == f"{sha}\n"


def test_uncommitted_changes_come_along(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", {"a": "1", "gone": "x", "d/gone": "x"})
    source = packed(clone, changes={"a": "2", "new/file": "3"}, deleted=("gone", "d/gone"))
    done = check_out(tmp_path, source, "cat a new/file; ls; git status --porcelain")
    assert done.log(2) == "23a\nnew\n M a\n D d/gone\n D gone\n?? new/\n"


def test_another_ref_is_without_the_changes(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", {"a": "old\n"})
    git(clone, "tag", "v1")
    commit(clone, {"a": "new\n"})
    source = packed(clone, changes={"a": "dirty\n"})
    done = check_out(tmp_path, source, "cat a; git describe --tags", ref="v1")
    assert done.log(2) == "old\nv1\n"


def test_an_older_commit_can_be_named(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", {"a": "old\n"})
    first = git(clone, "rev-parse", "HEAD")
    commit(clone, {"a": "new\n"})
    done = check_out(tmp_path, packed(clone), "cat a; git rev-parse HEAD", ref=first)
    assert done.log(2) == f"old\n{first}\n"


def test_an_unknown_ref_is_named_with_those_there_are(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", {"a": "1"})
    done = check_out(tmp_path, packed(clone), ref="missing")
    assert done.outcomes == ["failure"]
    assert done.steps[0].reason == (
        "checkout: there is no ref 'missing' in the local clone; it has: refs/heads/main"
    )


def test_a_path_below_the_workspace(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", {"a": "1\n"})
    done = check_out(tmp_path, packed(clone), "cat sub/dir/a", path="sub/dir")
    assert done.log(2) == "1\n"


def test_a_path_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    done = check_out(tmp_path, b"", path="../elsewhere")
    assert "is not below the workspace" in (done.steps[0].reason or "")


def test_what_was_there_goes_unless_clean_is_false(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", {"a": "1\n"})

    def prepare(host: Host) -> None:
        host.sources[None] = packed(clone)

    done = run_job(
        tmp_path,
        step("touch stale"),
        step(uses=CHECKOUT, with_={"clean": "false"}),
        step("ls"),
        step(uses=CHECKOUT),
        step("ls"),
        prepare=prepare,
    )
    assert done.log(3) == "a\nstale\n"
    assert done.log(5) == "a\n"


def test_a_refused_source_fails_the_step_with_the_hosts_reason(tmp_path: Path) -> None:
    done = run_job(tmp_path, step(uses=CHECKOUT), step("echo on", condition="always()"))
    assert done.steps[0].reason == "checkout: no source None"
    assert done.outcomes == ["failure", "success"]


@pytest.mark.parametrize(
    "source", [b"", b"not a tar" * 1000, tar_of({"meta.json": "{}"}), tar_of({"x": "y"})]
)
def test_a_damaged_source_fails_the_step(tmp_path: Path, source: bytes) -> None:
    done = check_out(tmp_path, source)
    assert (done.steps[0].reason or "").startswith("checkout: the repository's source is damaged")


def test_deletions_stay_inside(tmp_path: Path) -> None:
    clone = repository(tmp_path / "clone", {"a": "1"})
    outside = tmp_path / "outside"
    outside.write_text("kept")
    git(clone, "branch", "other")
    (clone / "link").symlink_to(tmp_path)
    commit(clone, {})
    source = packed(clone, deleted=(str(outside), "../../../outside", "link/outside"))
    done = check_out(tmp_path, source)
    assert done.outcomes == ["success"]
    assert outside.read_text() == "kept"


def test_another_repository_comes_from_the_server(tmp_path: Path) -> None:
    other = repository(tmp_path / "server/octo/other", {"a": "theirs\n"})
    git(other, "tag", "v2")
    commit(other, {"a": "newer\n"})
    first = step(uses=CHECKOUT, with_={"repository": "octo/other", "ref": "v2", "path": "x"})
    github = {"repository": "octo/demo", "server_url": f"file://{tmp_path}/server"}
    done = run_job(tmp_path, first, step("cat x/a"), contexts={"github": github})
    assert done.log(2) == "theirs\n"


def test_a_server_out_of_reach_is_said(tmp_path: Path) -> None:
    first = step(uses=CHECKOUT, with_={"repository": "octo/other"})
    github = {"repository": "octo/demo", "server_url": f"file://{tmp_path}/nowhere"}
    done = run_job(tmp_path, first, contexts={"github": github})
    assert (done.steps[0].reason or "").startswith("checkout: git fetch failed: ")
