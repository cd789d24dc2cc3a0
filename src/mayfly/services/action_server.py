"""The server that actions of other repositories come from, over git: refs, and one commit.

Nothing of a fetched repository is carried out here: no hooks, no filters, no checkout. What
comes is turned into a tar by `git archive`, just as GitHub serves actions.
"""

import asyncio
import os
import re
from pathlib import Path

from mayfly.services.git import FETCHING, git
from mayfly.services.remote import without_credentials
from mayfly.system.process import CommandFailed
from mayfly.workflow.actions import RemoteAction

_CONCURRENT = 8
_ANSWER_SECONDS = 30.0
_FETCH_SECONDS = 600.0
_SHA256_LENGTH = 64

# Without anyone's configuration there are no filters that `git archive` could start.
_NO_CONFIGURATION = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

_MISSING = re.compile(
    r"not found|terminal prompts disabled|authentication failed|permission denied"
    r"|does not appear to be a git repository|could not read (?:username|password)",
    re.IGNORECASE,
)
# The server gives only what a ref points at, or speaks HTTP as a mere file server.
_NOT_BY_COMMIT = re.compile(r"unadvertised object|does not support shallow", re.IGNORECASE)
# What concerns every repository there.
_NO_CONNECTION = re.compile(
    r"could not resolve|failed to connect|couldn't connect|connection (?:refused|reset|timed out)"
    r"|unreachable|no route|certificate|\bSSL\b",
    re.IGNORECASE,
)
_REASON = re.compile(r"^(?:fatal|error): *(?:unable to access '[^']*': *)?(.+)$", re.MULTILINE)


class ActionMissing(Exception):
    """The server answers, and has no such thing (or not for us)."""


class ServerUnreachable(Exception):
    """The server does not answer; the message is the reason."""


class ActionServer:
    """Asks one server. Once it could not be reached it is not asked again."""

    def __init__(self, url: str):
        self._url = url
        self.name = without_credentials(url)
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._down: str | None = None
        # `ext` and other transports that start programs are never allowed.
        local = ":file" if url.startswith("file:") else ""
        self._env = {
            "GIT_ALLOW_PROTOCOL": "https:http:ssh" + local,
            "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
        }

    async def commit_of(self, action: RemoteAction, folder: Path) -> str:
        """The commit that a tag (or else a branch) names now. Raises the errors above."""
        names = [action.ref] if action.ref.startswith("refs/") else []
        names += [f"refs/tags/{action.ref}", f"refs/heads/{action.ref}"]
        # A tag with a message is an object of its own; its commit is listed under `tag^{}`.
        wanted = [name for plain in names for name in (f"{plain}^{{}}", plain)]
        listed = await self._ask(
            action, folder, "ls-remote", "--", self._address(action), *wanted,
            timeout=_ANSWER_SECONDS,
        )  # fmt: skip
        lines = (line.partition("\t") for line in listed.decode(errors="replace").splitlines())
        found = {name: commit for commit, _, name in lines}
        for name in wanted:
            if name in found:
                return found[name]
        hint = "; a commit is named by all its 40 digits" if _is_hex(action.ref) else ""
        raise ActionMissing(f"{action.full_name} has no tag or branch '{action.ref}'{hint}")

    async def download(self, action: RemoteAction, commit: str, target: Path, folder: Path) -> None:
        """The files of a commit as a tar, by way of a repository in `folder`, which is empty."""
        kind = "sha256" if len(commit) == _SHA256_LENGTH else "sha1"
        await git(folder, "init", "--quiet", "--bare", "--template=", f"--object-format={kind}")
        address = self._address(action)
        fetch = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
        try:
            await self._ask(
                action, folder, *fetch, "--depth=1", "--", address, commit, timeout=_FETCH_SECONDS
            )
        except _NotByCommit:
            everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            await self._ask(
                action, folder, *fetch, "--", address, *everything, timeout=_FETCH_SECONDS
            )
        try:
            await git(
                folder, "-c", "tar.umask=0022", "archive", "--format=tar",
                f"--output={target}", commit, env=_NO_CONFIGURATION,
            )  # fmt: skip
        except CommandFailed as error:
            raise ActionMissing(f"{action.full_name} has no commit {commit}") from error

    def _address(self, action: RemoteAction) -> str:
        return f"{self._url}/{action.full_name}"

    async def _ask(
        self, action: RemoteAction, folder: Path, *arguments: str, timeout: float
    ) -> bytes:
        async with self._slots:
            if self._down is not None:
                raise ServerUnreachable(self._down)
            try:
                return await git(folder, *FETCHING, *arguments, env=self._env, timeout=timeout)
            except TimeoutError:
                self._down = f"no answer within {timeout:g} seconds"
                raise ServerUnreachable(self._down) from None
            except CommandFailed as error:
                raise self._meaning(action, error.stderr) from error

    def _meaning(self, action: RemoteAction, stderr: str) -> Exception:
        found = _REASON.search(stderr.replace(self._url, self.name))
        reason = (found[1] if found else stderr.strip().rpartition("\n")[2]).strip(" .")
        if _NOT_BY_COMMIT.search(stderr):
            return _NotByCommit(reason)
        if "not our ref" in stderr:
            return ActionMissing(f"{action.full_name} has no commit {action.ref}")
        if _MISSING.search(stderr):
            return ActionMissing(
                f"{self.name} has no repository {action.full_name}, or wants a login ({reason})"
            )
        if _NO_CONNECTION.search(stderr):
            self._down = reason
        return ServerUnreachable(reason)


class _NotByCommit(Exception):
    pass


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{7,39}", text) is not None
