"""Real repositories for the tests of this folder."""

import os
from collections.abc import Mapping
from pathlib import Path

from mayfly.services.git import git

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2024-05-06T07:08:09+00:00",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "2024-05-06T07:08:09+00:00",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file:http",
}


async def run_git(folder: Path, *arguments: str) -> str:
    return os.fsdecode(await git(folder, *arguments, env=_IDENTITY)).strip()


async def new_repository(root: Path, files: Mapping[str, str] | None = None) -> Path:
    """A repository on branch `main`, with a commit if there are files."""
    write(root, {})
    await run_git(root, "init", "--quiet", "-b", "main")
    if files:
        await commit(root, files)
    return root


def write(root: Path, files: Mapping[str, str]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


async def commit(root: Path, files: Mapping[str, str], message: str = "change") -> str:
    write(root, files)
    await run_git(root, "add", "--all")
    await run_git(root, "commit", "--quiet", "--allow-empty", "-m", message)
    return await run_git(root, "rev-parse", "HEAD")


async def clone(source: Path, target: Path, *options: str) -> Path:
    await run_git(source, "clone", "--quiet", *options, source.as_uri(), str(target))
    return target
