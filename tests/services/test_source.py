"""Sources as they are packed here, checked out by the real runner."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.runner.harness import Done, Host, run_job, step
from tests.services.gitting import clone, commit, new_repository, run_git, write

from mayfly.domain.errors import HostCannot
from mayfly.services.repository import read_repository
from mayfly.services.source import RepositorySource

STATUS = "git status --porcelain; git fsck --strict"


async def collect(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


async def packed(root: Path, *, clean: bool = False, history: bool = False, ref: str = "") -> bytes:
    repository = await read_repository(root, clean=clean)
    spool = root.parent / "spool"
    async with RepositorySource(repository, spool, history=history, ref=ref or None) as source:
        return await collect(source.open())


def use(source: bytes, tmp_path: Path, *scripts: str, **inputs: str) -> Done:
    def prepare(host: Host) -> None:
        host.sources[None] = source

    first = step(uses="actions/checkout@v4", with_=inputs)
    return run_job(tmp_path / "guest", first, *map(step, scripts), prepare=prepare)


async def check_out(
    tmp_path: Path, root: Path, script: str, *, clean: bool = False, history: bool = False
) -> str:
    """What a script prints in the checkout."""
    source = await packed(root, clean=clean, history=history)
    done = await asyncio.to_thread(use, source, tmp_path, script)
    assert done.outcomes == ["success"] * 2, (done.steps, done.host.logs)
    return done.log(2)


async def test_the_last_commit_on_its_branch(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1\n", "d/b": "2\n"})
    sha = await commit(root, {"a": "3\n"})
    git = "git rev-parse HEAD; git branch --show-current; git log --oneline | wc -l"
    script = f"cat a d/b; {git}; {STATUS}"
    assert await check_out(tmp_path, root, script) == f"3\n2\n{sha}\nmain\n1\n"


async def test_the_whole_history_with_branches_and_tags(tmp_path: Path) -> None:
    upstream = await new_repository(tmp_path / "up", {"a": "1"})
    await run_git(upstream, "tag", "v1")
    await run_git(upstream, "tag", "-a", "v2", "-m", "second")
    await run_git(upstream, "branch", "other")
    root = await clone(upstream, tmp_path / "r")
    await commit(root, {"a": "2"})
    await run_git(root, "branch", "mine")
    script = f"git log --oneline | wc -l; git describe; git branch -r; {STATUS}"
    assert (await check_out(tmp_path, root, script, history=True)).split() == [
        "2",
        "v2-1-g" + (await run_git(root, "rev-parse", "--short", "HEAD")),
        "origin/main",
        "origin/mine",
        "origin/other",
    ]


async def test_uncommitted_changes_come_along(tmp_path: Path) -> None:
    files = {"changed": "1", "staged": "1", "gone": "", "d/gone": "", ".gitignore": "*.o\n"}
    root = await new_repository(tmp_path / "r", files)
    write(root, {"changed": "2", "staged": "2", "new/file": "3", "x.o": "ignored"})
    await run_git(root, "add", "staged")
    (root / "gone").unlink()
    await run_git(root, "rm", "--quiet", "d/gone")
    printed = await check_out(
        tmp_path, root, "cat changed staged new/file; echo; ls; git status -s"
    )
    assert printed == (
        "223\nchanged\nnew\nstaged\n M changed\n D d/gone\n D gone\n M staged\n?? new/\n"
    )


async def test_clean_is_the_commit_alone(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1", "b": "1"})
    write(root, {"a": "2", "new": ""})
    (root / "b").unlink()
    assert await check_out(tmp_path, root, f"cat a b; ls; {STATUS}", clean=True) == "11a\nb\n"


async def test_modes_links_and_strange_names(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"plain": "", "becomes-link": "", "tool": "#!"})
    write(root, {"run": "#!/bin/sh\n", "-dash": "", "with space\nand line": "", "é": ""})
    (root / "run").chmod(0o755)
    (root / "tool").chmod(0o755)
    (root / "link").symlink_to("missing/target")
    (root / "becomes-link").unlink()
    (root / "becomes-link").symlink_to("plain")
    (root / os.fsdecode(b"not-utf8-\xff")).write_text("")
    script = (
        "test -x run && test -x tool && readlink link becomes-link && test -f -dash && test -f é"
        " && test -f $'with space\\nand line' && test -f $'not-utf8-\\xff' && test ! -x plain"
    )
    assert await check_out(tmp_path, root, script) == "missing/target\nplain\n"


async def test_files_and_folders_that_change_places(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"file": "1", "folder/a": "1", "link-to": ""})
    (root / "file").unlink()
    (root / "folder/a").unlink()
    (root / "folder").rmdir()
    write(root, {"file/inside": "2", "folder": "3"})
    (root / "link-to").unlink()
    write(root, {"link-to/inside": "4"})
    script = "cat file/inside folder link-to/inside"
    assert await check_out(tmp_path, root, script) == "234\n"


async def test_removed_from_the_index_and_kept_on_disk(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1", "b": "1"})
    await run_git(root, "rm", "--quiet", "--cached", "a")
    assert await check_out(tmp_path, root, "ls; git status -s") == "a\nb\n"


@pytest.mark.parametrize("history", [False, True])
async def test_a_shallow_clone(tmp_path: Path, history: bool) -> None:
    upstream = await new_repository(tmp_path / "up", {"a": "1"})
    for text in "234":
        await commit(upstream, {"a": text})
    root = await clone(upstream, tmp_path / "r", "--depth=2")
    script = f"cat a; git log --oneline | wc -l; {STATUS}"
    expected = "42\n" if history else "41\n"
    assert await check_out(tmp_path, root, script, history=history) == expected


async def test_a_worktree(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "main", {"a": "1"})
    await run_git(root, "worktree", "add", "--quiet", "-b", "topic", str(tmp_path / "r"))
    write(tmp_path / "r", {"b": "2"})
    script = f"cat a b; git branch --show-current; {STATUS}"
    assert await check_out(tmp_path, tmp_path / "r", script) == "12topic\n?? b\n"


async def test_a_sparse_checkout_is_whole_there(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"src/a": "1", "docs/b": "2"})
    await run_git(root, "sparse-checkout", "set", "src")
    write(root, {"src/a": "3"})
    assert await check_out(tmp_path, root, "cat src/a docs/b; git status -s") == "32 M src/a\n"


async def test_a_detached_tag(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1"})
    await run_git(root, "tag", "-a", "v1", "-m", "first")
    await commit(root, {"a": "2"})
    await run_git(root, "checkout", "--quiet", "v1")
    script = f"cat a; git branch --show-current; git describe; {STATUS}"
    assert await check_out(tmp_path, root, script) == "1v1\n"


async def test_a_submodule_stays_empty(tmp_path: Path) -> None:
    inner = await new_repository(tmp_path / "inner", {"i": "1"})
    root = await new_repository(tmp_path / "r", {"a": "1"})
    await run_git(
        root, "-c", "protocol.file.allow=always", "submodule", "add", inner.as_uri(), "sub"
    )
    await commit(root, {})
    write(root, {"sub/i": "2"})
    assert await check_out(tmp_path, root, f"ls -A sub; {STATUS}") == ""


async def test_a_clone_in_the_clone_stays_out(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1"})
    await new_repository(root / "vendored", {"v": "1"})
    assert await check_out(tmp_path, root, "ls") == "a\n"


async def test_sha256(tmp_path: Path) -> None:
    root = tmp_path / "r"
    write(root, {"a": "1"})
    await run_git(root, "init", "--quiet", "--object-format=sha256")
    sha = await commit(root, {})
    await commit(root, {"a": "2"})
    assert await check_out(tmp_path, root, f"cat a; git cat-file -t HEAD; {STATUS}") == "2commit\n"
    assert len(sha) == 64


async def test_the_ref_of_a_pull_request_can_be_checked_out(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1"})
    ref = "refs/pull/1/merge"
    source = await packed(root, ref=ref)
    done = await asyncio.to_thread(use, source, tmp_path, "cat a", ref=ref)
    assert done.log(2) == "1\n"


@pytest.mark.parametrize("ref", ["light", "annotated", "other", "refs/tags/annotated"])
async def test_other_refs_can_be_checked_out(tmp_path: Path, ref: str) -> None:
    root = await new_repository(tmp_path / "r", {"a": "old"})
    await run_git(root, "tag", "light")
    await run_git(root, "tag", "-a", "annotated", "-m", "first")
    await run_git(root, "branch", "other")
    await commit(root, {"a": "new"})
    source = await packed(root, history=True)
    done = await asyncio.to_thread(use, source, tmp_path, "cat a; git status -s; git log", ref=ref)
    assert done.outcomes == ["success"] * 2, done.host.logs
    assert done.log(2).startswith("old")


async def test_credentials_of_the_remote_stay_here(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1"})
    await run_git(root, "remote", "add", "origin", "https://mona:hunter2@example.org/o/r")
    assert b"hunter2" not in await packed(root)


async def test_equal_clones_give_equal_bytes(tmp_path: Path) -> None:
    sources = []
    for name in ("one", "two"):
        root = await new_repository(tmp_path / name / "r", {"a": "1", "b": "2"})
        write(root, {"b": "3", "c": "4"})
        sources.append(await packed(root))
    assert sources[0] == sources[1]


async def test_many_readers_at_once_and_nothing_left(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1" * 1_000_000})
    spool = tmp_path / "spool"
    repository = await read_repository(root)
    async with RepositorySource(repository, spool, history=False) as source:
        first, *others = await asyncio.gather(*(collect(source.open()) for _ in range(5)))
        assert all(other == first for other in others)
        assert list(spool.iterdir()) == []


async def test_leaving_before_it_is_packed_leaves_nothing(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1"})
    spool = tmp_path / "spool"
    async with RepositorySource(await read_repository(root), spool, history=False):
        await asyncio.sleep(0)  # lets the packing start
        assert len(list(spool.iterdir())) == 1
    assert list(spool.iterdir()) == []


async def test_a_damaged_clone_is_told_to_who_asks(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1"})
    repository = await read_repository(root)
    blob = await run_git(root, "rev-parse", "HEAD:a")
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    async with RepositorySource(repository, tmp_path / "spool", history=False) as source:
        with pytest.raises(HostCannot, match="cannot pack the repository"):
            await collect(source.open())


async def test_the_clone_itself_is_not_written_to(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": "1"})
    os.utime(root / "a", (1, 1))  # git would note that in its index
    before = (root / ".git/index").read_bytes()
    await packed(root)
    assert (root / ".git/index").read_bytes() == before
