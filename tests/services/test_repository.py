"""Reading clones: their state, what changed, their workflows."""

from pathlib import Path

import pytest
from tests.services.gitting import clone, commit, new_repository, run_git, write

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.services.repository import read_repository
from mayfly.workflow.document import MAX_BYTES

CI = ".github/workflows/ci.yml"


async def changed(root: Path, **options: object) -> tuple[str, ...] | None:
    return (await read_repository(root, **options)).state.changed_files  # type: ignore[arg-type]


async def test_the_state_of_a_clone(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "hello", {"a": "1"})
    sha = await commit(root, {"b": "2"}, "Add b\n\nBecause.")
    await run_git(root, "tag", "v1.9")
    await run_git(root, "tag", "v1.10")
    await run_git(root, "remote", "add", "origin", "https://u:p@github.com/octo/hello.git")
    repository = await read_repository(root)
    state = repository.state
    assert (state.full_name, state.server_url) == ("octo/hello", "https://github.com")
    assert (state.branch, state.sha, state.default_branch) == ("main", sha, "main")
    assert state.tags == ("v1.10", "v1.9")
    assert (state.author_name, state.author_email) == ("Ada", "ada@example.org")
    assert state.message == "Add b\n\nBecause."
    assert state.timestamp == "2024-05-06T07:08:09+00:00"
    assert repository.origin == "https://github.com/octo/hello.git"


async def test_the_root_is_found_from_a_folder_inside(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"deep/er/file": ""})
    assert (await read_repository(root / "deep" / "er")).root == root


async def test_a_clone_without_a_server_is_local(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "my project", {"a": ""})
    state = (await read_repository(root)).state
    assert state.full_name == "local/my-project"


async def test_a_detached_head_has_no_branch(tmp_path: Path) -> None:
    root = await new_repository(tmp_path / "r", {"a": ""})
    await run_git(root, "checkout", "--quiet", "--detach")
    assert (await read_repository(root)).state.branch is None


async def test_the_default_branch_is_the_remotes(tmp_path: Path) -> None:
    upstream = await new_repository(tmp_path / "up", {"a": ""})
    await run_git(upstream, "branch", "-m", "trunk")
    root = await clone(upstream, tmp_path / "down")
    await run_git(root, "checkout", "--quiet", "-b", "topic")
    assert (await read_repository(root)).state.default_branch == "trunk"


async def test_a_hook_of_another_repository_does_not_mislead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await new_repository(tmp_path / "other", {"a": ""})
    root = await new_repository(tmp_path / "r", {"a": ""})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert (await read_repository(root)).root == root


class TestNoClone:
    async def test_a_folder_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="is not in a git repository") as raised:
            await read_repository(tmp_path)
        assert raised.value.remedy is not None
        assert "git init" in raised.value.remedy

    async def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="does not exist"):
            await read_repository(tmp_path / "a" / "b")

    async def test_no_commit(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r")
        with pytest.raises(InvalidInput, match="has no commit yet"):
            await read_repository(root)

    async def test_a_bare_repository(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {"a": ""})
        with pytest.raises(InvalidInput, match="has no working tree"):
            await read_repository(await clone(root, tmp_path / "bare", "--bare"))

    async def test_no_git(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mayfly.services.git.which", lambda tool: None)
        with pytest.raises(HostCannot, match="git is not installed"):
            await read_repository(tmp_path)


class TestChangedFiles:
    async def test_of_the_last_commit_when_all_is_pushed(self, tmp_path: Path) -> None:
        upstream = await new_repository(tmp_path / "up", {"a": "1"})
        first = await run_git(upstream, "rev-parse", "HEAD")
        await commit(upstream, {"b": "2"})
        state = (await read_repository(await clone(upstream, tmp_path / "down"))).state
        assert (state.changed_files, state.before) == (("b",), first)

    async def test_of_all_unpushed_commits(self, tmp_path: Path) -> None:
        upstream = await new_repository(tmp_path / "up", {"a": "1"})
        root = await clone(upstream, tmp_path / "down")
        await commit(root, {"b": "2"})
        await commit(root, {"c": "2"})
        pushed = await run_git(upstream, "rev-parse", "HEAD")
        state = (await read_repository(root)).state
        assert (state.changed_files, state.before) == (("b", "c"), pushed)

    async def test_uncommitted_ones_count_unless_clean(self, tmp_path: Path) -> None:
        upstream = await new_repository(tmp_path / "up", {"a": "1", ".gitignore": "*.o"})
        root = await clone(upstream, tmp_path / "down")
        await commit(root, {"b": "2"})
        write(root, {"a": "2", "new": "", "x.o": ""})
        (root / "b").unlink()
        assert await changed(root) == ("a", "b", "new")
        assert await changed(root, clean=True) == ("b",)

    async def test_only_uncommitted_ones_when_all_is_pushed(self, tmp_path: Path) -> None:
        upstream = await new_repository(tmp_path / "up", {"a": "1"})
        await commit(upstream, {"b": "2"})
        root = await clone(upstream, tmp_path / "down")
        write(root, {"new": ""})
        assert await changed(root) == ("new",)

    async def test_of_a_branch_without_upstream_since_the_default_branch(
        self, tmp_path: Path
    ) -> None:
        root = await new_repository(tmp_path / "r", {"a": "1"})
        await run_git(root, "checkout", "--quiet", "-b", "topic")
        await commit(root, {"b": ""})
        await commit(root, {"c": ""})
        assert await changed(root) == ("b", "c")

    async def test_of_a_pull_request_since_the_default_branch(self, tmp_path: Path) -> None:
        upstream = await new_repository(tmp_path / "up", {"a": "1"})
        root = await clone(upstream, tmp_path / "down")
        await run_git(root, "checkout", "--quiet", "-b", "topic")
        await commit(root, {"b": ""})
        await run_git(root, "push", "--quiet", "--set-upstream", "origin", "topic")
        await commit(root, {"c": ""})
        assert await changed(root) == ("c",)
        assert await changed(root, event="pull_request") == ("b", "c")

    async def test_of_the_first_commit_all(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {"a": "1", "b/c": ""})
        state = (await read_repository(root)).state
        assert (state.changed_files, state.before) == (("a", "b/c"), "0" * 40)

    async def test_nobody_knows_in_a_shallow_clone(self, tmp_path: Path) -> None:
        upstream = await new_repository(tmp_path / "up", {"a": "1"})
        await commit(upstream, {"b": "2"})
        assert await changed(await clone(upstream, tmp_path / "down", "--depth=1")) is None

    async def test_too_many_to_tell(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mayfly.services.history.MAX_CHANGED_FILES", 2)
        root = await new_repository(tmp_path / "r", {"a": "", "b": "", "c": ""})
        assert await changed(root) is None


class TestWorkflows:
    async def test_all_of_the_working_tree(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {CI: "old", "README.md": ""})
        write(root, {CI: "new", ".github/workflows/a.yaml": "a", ".github/workflows/b.md": ""})
        files = await (await read_repository(root)).workflows()
        assert [(file.path, file.data) for file in files] == [
            (".github/workflows/a.yaml", b"a"),
            (CI, b"new"),
        ]

    async def test_of_the_commit_when_clean(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {CI: "old", ".github/workflows/x/y.yml": ""})
        write(root, {CI: "new", ".github/workflows/a.yaml": "a"})
        repository = await read_repository(root, clean=True)
        assert [(f.path, f.data) for f in await repository.workflows()] == [(CI, b"old")]

    async def test_none(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {"a": ""})
        for clean in (False, True):
            assert await (await read_repository(root, clean=clean)).workflows() == ()

    async def test_hidden_by_a_sparse_checkout(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {CI: "on: push", "src/a": ""})
        await run_git(root, "sparse-checkout", "set", "src")
        assert not (root / CI).exists()
        [file] = await (await read_repository(root)).workflows()
        assert (file.path, file.data) == (CI, b"on: push")

    async def test_a_huge_one_is_cut_where_the_reader_refuses_it(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {CI: "#" * (3 * MAX_BYTES)})
        for clean in (False, True):
            [file] = await (await read_repository(root, clean=clean)).workflows()
            assert len(file.data) == MAX_BYTES + 1

    async def test_links_are_followed_inside_only(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {"shared.yml": "x"})
        (tmp_path / "secret.yml").write_text("secret")
        link = root / CI
        link.parent.mkdir(parents=True)
        link.symlink_to(root / "shared.yml")
        [file] = await (await read_repository(root)).workflows()
        assert file.data == b"x"
        link.unlink()
        link.symlink_to(tmp_path / "secret.yml")
        with pytest.raises(InvalidInput, match=r"ci\.yml is no file inside the repository"):
            await (await read_repository(root)).workflows()

    async def test_another_file(self, tmp_path: Path) -> None:
        root = await new_repository(tmp_path / "r", {"action/action.yml": "a"})
        for clean in (False, True):
            repository = await read_repository(root, clean=clean)
            assert await repository.file("action/action.yml") == b"a"
            with pytest.raises(InvalidInput, match=r"there is no file missing\.yml"):
                await repository.file("missing.yml")
