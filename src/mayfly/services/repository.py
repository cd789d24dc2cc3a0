"""Reads a clone: what the planner must know of it, and its workflow files.

read_repository → Repository(state → events, plan;  workflows → reader;  tree → actions)
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from mayfly.domain.errors import HostCannot, InvalidInput, MayflyError
from mayfly.services.git import answer, git, paths
from mayfly.services.history import changes
from mayfly.services.refs import LISTING, Refs, read_refs
from mayfly.services.remote import Forge, forge_of, safe_name, without_credentials
from mayfly.services.tree import CommitTree, Tree, WorkingTree, hidden_files
from mayfly.system.process import CommandFailed
from mayfly.workflow.document import MAX_BYTES
from mayfly.workflow.events import RepositoryState

WORKFLOWS = ".github/workflows"
_SUFFIXES = (".yml", ".yaml")
_GITHUB = "https://github.com"
COMMIT_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%cI%x00%B"
_LOG = ("-c", "log.showSignature=false", "log", "-1", f"--format={COMMIT_FORMAT}", "HEAD", "--")


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """`path` as in locations, from the root; `data` is cut just above what the reader takes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Repository:
    """A clone as it is to be run: its working tree, or only its commit if `clean`.

    `origin` is the remote's URL, without credentials; `refs` are its branches and tags.
    """

    root: Path
    state: RepositoryState
    refs: Refs
    origin: str | None
    clean: bool
    tree: Tree

    async def workflows(self) -> tuple[WorkflowFile, ...]:
        """The files in `.github/workflows`, by name. InvalidInput for one that cannot be read."""
        names = [name for name in await self.tree.files(WORKFLOWS) if name.endswith(_SUFFIXES)]
        return tuple([WorkflowFile(name, await self.file(name)) for name in names])

    async def file(self, path: str) -> bytes:
        """A workflow or action file of the repository; InvalidInput if there is none."""
        data = await self.tree.read(path, MAX_BYTES + 1)
        if data is None:
            raise _no_file(self.root, path)
        return data


async def read_repository(path: Path, *, clean: bool = False, event: str = "push") -> Repository:
    """The clone that `path` is in; `event` decides what its changes are compared with.

    InvalidInput if there is no clone, or no commit in it; HostCannot without git.
    """
    root = await _root(path)
    try:
        shown = await git(root, *_LOG)
    except CommandFailed as error:
        raise InvalidInput(
            f"{root} has no commit yet", remedy="commit something first", details=error.stderr
        ) from error
    sha, parents, author, email, timestamp, message = _text(shown).split("\0", 5)
    listed, config = await asyncio.gather(git(root, *LISTING), git(root, "config", "--list", "-z"))
    settings = _settings(config)
    refs = read_refs(_text(listed), sha, settings)
    origin = await answer(root, "remote", "get-url", refs.remote)
    forge = (forge_of(origin) if origin else None) or Forge(_GITHUB, "local", safe_name(root.name))
    parent = parents.partition(" ")[0] or None
    changed = await changes(root, refs, parent, event, clean=clean)
    state = RepositoryState(
        owner=forge.owner,
        name=forge.name,
        branch=refs.branch,
        sha=sha,
        default_branch=refs.default_branch,
        tags=refs.tags,
        actor=settings.get("github.user") or "local",
        author_name=author,
        author_email=email,
        message=message.strip("\n"),
        timestamp=timestamp,
        before=changed.before or "0" * len(sha),
        changed_files=changed.files,
        server_url=forge.server_url,
    )
    commit = CommitTree(root, sha)
    sparse = settings.get("core.sparsecheckout", "").lower() in {"true", "yes", "on", "1"}
    tree = (
        commit
        if clean
        else WorkingTree(root, commit, await hidden_files(root) if sparse else frozenset())
    )
    return Repository(
        root, state, refs, without_credentials(origin) if origin else None, clean, tree
    )


def _no_file(root: Path, path: str) -> InvalidInput:
    if os.path.lexists(root / path):
        remedy = "put the file itself there: links that lead out of the repository are not followed"
        return InvalidInput(f"{path} is no file inside the repository {root}", remedy=remedy)
    return InvalidInput(f"there is no file {path} in the repository {root}")


def _folder(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise InvalidInput(f"{path} does not exist", remedy="name a folder inside a clone")
    return folder


async def _root(path: Path) -> Path:
    folder = _folder(path)
    try:
        return Path(os.fsdecode(await git(folder, "rev-parse", "--show-toplevel")).rstrip("\n"))
    except CommandFailed as error:
        raise _no_clone(folder, error.stderr) from error


def _no_clone(folder: Path, stderr: str) -> MayflyError:
    reason = stderr.strip().partition("\n")[0]
    if "dubious ownership" in stderr:
        return HostCannot(
            f"git does not trust {folder}: it belongs to another user",
            remedy=f"if you do: git config --global --add safe.directory {folder}",
        )
    if "work tree" in stderr:
        return InvalidInput(
            f"{folder} has no working tree: it is a bare repository or the inside of .git",
            remedy="clone it and run in the clone",
        )
    return InvalidInput(
        f"{folder} is not in a git repository",
        remedy="run in a clone, or make it one: git init && git add . && git commit",
        details=reason,
    )


def _settings(listed: bytes) -> dict[str, str]:
    """git's configuration; the last value of a key counts."""
    return {name: value for name, _, value in (line.partition("\n") for line in paths(listed))}


def _text(output: bytes) -> str:
    return output.decode(errors="replace")
