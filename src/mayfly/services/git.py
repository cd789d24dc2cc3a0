"""Starts git, and tells its failures apart from an ordinary non-zero answer."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mayfly.domain.errors import HostCannot
from mayfly.system.process import CommandFailed, dies_with_parent, start, which

# What `git rev-parse --local-env-vars` lists, but for configuration given on purpose: with one of
# these set, as in a hook, git would look at another repository than the folder it is started in.
_OF_ANOTHER_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)

# Objects as they are, no writing to a repository that is only read, messages we can recognise.
_OURS = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}

FETCHING = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "http.lowSpeedLimit=1000"),
    *("-c", "http.lowSpeedTime=30"),
)
"""Options for what comes from elsewhere: nothing of it is carried out, and silence ends it."""


async def git(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> bytes:
    """What git prints, started in `folder`.

    `env` is added to the environment. Raises `CommandFailed`; `TimeoutError` after `timeout`
    seconds; `HostCannot` when git is missing. However this ends, git has ended too. It has no
    terminal: nothing it starts can ask a person.
    """
    if which("git") is None:
        raise HostCannot("git is not installed", remedy="install it: sudo apt-get install git")
    argv = ["git", *arguments]
    process = await start(
        dies_with_parent(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment() | dict(env or {}),
        cwd=folder,
        new_session=True,
    )
    try:
        async with asyncio.timeout(timeout):
            output, errors = await process.communicate(stdin)
    except BaseException:
        # With its helpers: one that speaks HTTP would go on waiting for its server.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if process.returncode:
        raise CommandFailed(argv, process.returncode, errors.decode(errors="replace"))
    return output


async def answer(folder: Path, *arguments: str) -> str | None:
    """One line that git prints, or None if it answers with a failure: there is no such thing."""
    try:
        return os.fsdecode(await git(folder, *arguments)).strip()
    except CommandFailed:
        return None


def paths(output: bytes) -> list[str]:
    """NUL-separated paths; bytes that are not UTF-8 survive as surrogates."""
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
    return kept | _OURS
