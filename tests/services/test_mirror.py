"""Mirrors of repositories, each of one project only."""

from pathlib import Path

from tests.services.gitting import commit, new_repository

from mayfly.services.mirror import Mirrors, Remote


async def test_projects_with_names_alike_share_no_mirror(tmp_path: Path) -> None:
    mirrors = Mirrors(tmp_path / "mirrors", frozenset({"file"}))
    names = ("acme/site", "acme/site-", "acme/site.", "acme./site", "acme-site/site")
    for full_name in names:
        folder = tmp_path / full_name.replace("/", "+")
        await new_repository(folder)
        sha = await commit(folder, {"name": full_name})
        remote = Remote(full_name, folder.as_uri(), "main")
        repository = await mirrors.at(remote, "refs/heads/main")
        assert repository.state.sha == sha
    assert len(list((tmp_path / "mirrors").glob("**/objects"))) == len(names)
