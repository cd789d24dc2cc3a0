"""Mirrors of projects' repositories, from which servers start runs by themselves.

Bare repositories under one folder, fetched when something is to be read. Nothing in them is ever
carried out: no hooks, no filters, no checkout.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.services.git import FETCHING, git
from mayfly.services.refs import HEADS, LISTING, TAGS, read_refs
from mayfly.services.remote import forge_of, safe_name, without_credentials
from mayfly.services.repository import COMMIT_FORMAT, Repository
from mayfly.services.tree import CommitTree
from mayfly.system.locks import locked_async
from mayfly.system.process import CommandFailed
from mayfly.workflow.events import RepositoryState

PROTOCOLS = frozenset({"https", "ssh"})
_FETCH_SECONDS = 600.0
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a project's repository is; `token` is for one that is not public."""

    full_name: str
    url: str
    default_branch: str
    token: str | None = field(default=None, repr=False)


class Mirrors:
    """Calls may be made concurrently, by several processes too.

    Who sets a project up chooses its address, so only `protocols` that lead away from the server
    and prove whom they lead to are spoken.
    """

    def __init__(self, root: Path, protocols: frozenset[str] = PROTOCOLS):
        self._root = root
        self._protocols = protocols

    async def at(
        self,
        remote: Remote,
        ref: str,
        sha: str | None = None,
        *,
        changed_files: tuple[str, ...] | None = None,
        before: str | None = None,
        actor: str = "",
    ) -> Repository:
        """The repository as it is under a full ref, at a commit of it if that is given.

        InvalidInput if there is no such commit, HostCannot if the remote cannot be reached.
        """
        owner, _, name = remote.full_name.partition("/")
        folder = self._root / _folder_of(remote.full_name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with locked_async(folder / "mayfly.lock"):
            await self._fetch(folder, remote)
        commit = await _commit(folder, remote, sha or ref)
        listed = (await git(folder, *LISTING)).decode(errors="replace")
        refs = read_refs(listed, commit, {})
        shown = await git(folder, "log", "-1", f"--format={COMMIT_FORMAT}", commit, "--")
        _, parents, author, email, at, message = shown.decode(errors="replace").split("\0", 5)
        forge = forge_of(remote.url)
        state = RepositoryState(
            owner=owner,
            name=name,
            branch=ref.removeprefix(HEADS) if ref.startswith(HEADS) else None,
            sha=commit,
            default_branch=remote.default_branch,
            tags=(ref.removeprefix(TAGS),) if ref.startswith(TAGS) else refs.tags,
            actor=actor or author,
            author_name=author,
            author_email=email,
            message=message.strip("\n"),
            timestamp=at,
            before=before or parents.partition(" ")[0] or "0" * len(commit),
            changed_files=changed_files,
            **({"server_url": forge.server_url} if forge else {}),
        )
        origin = without_credentials(remote.url)
        return Repository(folder, state, refs, origin, True, CommitTree(folder, commit))

    async def _fetch(self, folder: Path, remote: Remote) -> None:
        if not (folder / "HEAD").exists():
            await git(folder, "init", "--quiet", "--bare", "--template=")
        scheme = remote.url.partition("://")[0] if "://" in remote.url else "ssh"
        if scheme not in self._protocols:
            raise InvalidInput(
                f"{remote.full_name} cannot be fetched by {scheme!r}",
                remedy=f"give the project a clone URL with {' or '.join(sorted(self._protocols))}",
            )
        env = {"GIT_ALLOW_PROTOCOL": ":".join(self._protocols), **_credentials(remote.token)}
        fetch = ("fetch", "--quiet", "--prune", "--no-write-fetch-head", "--", remote.url)
        try:
            await git(folder, *FETCHING, *fetch, *_EVERYTHING, env=env, timeout=_FETCH_SECONDS)
        except TimeoutError:
            raise _unreachable(remote, f"no answer within {_FETCH_SECONDS:g} seconds") from None
        except CommandFailed as error:
            raise _unreachable(remote, error.stderr.strip()) from error


def _folder_of(full_name: str) -> str:
    """One for each project: names that differ only in what no path may have differ here, too."""
    return f"{safe_name(full_name)}-{hashlib.sha256(full_name.encode()).hexdigest()[:16]}.git"


async def _commit(folder: Path, remote: Remote, name: str) -> str:
    try:
        found = await git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except CommandFailed:
        raise InvalidInput(f"{remote.full_name} has no {name} any more") from None
    return found.decode().strip()


def _credentials(token: str | None) -> dict[str, str]:
    """By the environment: arguments of processes can be read by others."""
    if token is None:
        return {}
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}",
    }


def _unreachable(remote: Remote, details: str) -> HostCannot:
    return HostCannot(
        f"{remote.full_name} cannot be fetched from {without_credentials(remote.url)}",
        details=details.replace(remote.url, without_credentials(remote.url)),
        remedy="check the project's clone URL and that this server may read it",
    )
