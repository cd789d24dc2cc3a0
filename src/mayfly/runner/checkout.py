"""`actions/checkout`, built in: the repository comes from the host's clone, over the port.

Another repository than the run's own is fetched by git from the server, where there is a network.
"""

import contextlib
import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mayfly.protocol.codec import DecodeError, decode
from mayfly.protocol.source import BUNDLE, CHANGES, DELETED, INDEX, META, SourceMeta
from mayfly.runner import gitdir
from mayfly.runner.gitdir import Bundle, BundleInvalid, Head
from mayfly.runner.launcher import Command
from mayfly.runner.machine import Machine
from mayfly.runner.sources import Sources, SourceStream, SourceUnavailable
from mayfly.runner.state import JobState
from mayfly.runner.steps import Running, StepFailed

_PIECE = 256 * 1024
_TRUE = frozenset({"true", "yes", "1"})


@dataclass(slots=True)
class _Received:
    """What came, unpacked into files of a spool directory."""

    meta: SourceMeta | None = None
    bundle: Bundle | None = None
    files: dict[str, Path] = field(default_factory=dict)


class Checkout:
    """Runs the steps that use it."""

    def __init__(self, machine: Machine, state: JobState, sources: Sources):
        self._machine = machine
        self._state = state
        self._sources = sources

    def run(self, running: Running, inputs: Mapping[str, str]) -> None:
        """`inputs` by lower-case name. Sets the outputs `ref` and `commit`; raises StepFailed."""
        target = self._target(inputs.get("path", ""))
        own = str(self._state.github.get("repository", ""))
        repository = inputs.get("repository") or own
        if inputs.get("sparse-checkout"):
            running.report.say("##[warning]sparse-checkout is ignored: every file is checked out")
        try:
            _clear(target, clean=inputs.get("clean", "true").lower() != "false")
        except OSError as error:
            raise StepFailed(f"checkout: cannot clear {target}: {error}") from None
        if repository.lower() == own.lower():
            self._own(running, target, inputs.get("ref", ""))
        else:
            self._foreign(running, target, repository, inputs)
        if inputs.get("submodules", "").lower() in _TRUE | {"recursive"}:
            self._git(running, target, "submodule", "update", "--init", "--recursive")

    def _target(self, path: str) -> Path:
        workspace = self._state.workspace
        target = Path(os.path.normpath(workspace / path))
        if not target.is_relative_to(workspace):
            raise StepFailed(f"checkout: path '{path}' is not below the workspace {workspace}")
        return target

    def _own(self, running: Running, target: Path, ref: str) -> None:
        layout = self._state.layout
        spool = layout.temp / f"source-{os.urandom(8).hex()}"
        layout.prepare(spool)
        try:
            with layout.account.acting():
                received = self._receive(self._sources.open(None, running.interrupt), spool)
                head = _prepare(received, target, ref)
                _trust(layout.account.home, target)
            self._fill(running, target, received, head)
        except SourceUnavailable as error:
            raise StepFailed(f"checkout: {error}") from None
        except (BundleInvalid, DecodeError, tarfile.TarError) as error:
            raise StepFailed(f"checkout: the repository's source is damaged: {error}") from None
        except OSError as error:
            raise StepFailed(f"checkout: {error}") from None
        finally:
            shutil.rmtree(spool, ignore_errors=True)

    def _receive(self, stream: SourceStream, spool: Path) -> _Received:
        received = _Received()
        # tarfile asks for `read` only in this mode.
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_PIECE) as tar:  # type: ignore[call-overload]
            for member in tar:
                content = tar.extractfile(member)
                if content is None:
                    continue
                if member.name == META:
                    received.meta = decode(SourceMeta, content.read())
                elif member.name == BUNDLE:
                    file = received.files[BUNDLE] = spool / BUNDLE
                    received.bundle = gitdir.split_bundle(content, file)
                elif member.name in {INDEX, DELETED, CHANGES}:
                    file = received.files[member.name] = spool / member.name
                    with file.open("wb") as out:
                        shutil.copyfileobj(content, out, _PIECE)
        stream.read(_PIECE)  # the end, after tar's own
        return received

    def _fill(self, running: Running, target: Path, received: _Received, head: Head) -> None:
        """The working tree: the commit, then what differs from it on the host."""
        assert received.meta is not None  # _prepare has refused that
        if INDEX not in received.files:
            (pack,) = (target / ".git/objects/pack").glob("*.pack")
            self._git(running, target, "index-pack", str(pack), quiet=True)
        self._git(running, target, "reset", "--hard")
        if head.commit == received.meta.sha:
            account = self._state.layout.account
            if (deleted := received.files.get(DELETED)) is not None:
                with account.acting():
                    _delete(target, deleted.read_bytes())
            if (changes := received.files.get(CHANGES)) is not None:
                self._run(running, target, "tar", "--extract", "--file", str(changes))
        running.outputs["ref"] = head.branch or received.meta.ref or head.commit
        running.outputs["commit"] = head.commit

    def _foreign(
        self, running: Running, target: Path, repository: str, inputs: Mapping[str, str]
    ) -> None:
        server = str(self._state.github.get("server_url") or "https://github.com").rstrip("/")
        depth = inputs.get("fetch-depth", "1")
        options = [] if depth == "0" else [f"--depth={depth}"]
        ref = inputs.get("ref") or "HEAD"
        self._state.layout.prepare(target)
        self._git(running, target, "init", "--quiet")
        url = f"{server}/{repository}"
        self._git(running, target, "remote", "add", "origin", url)
        self._git(running, target, "fetch", "--quiet", *options, "--", "origin", ref)
        self._git(running, target, "checkout", "--quiet", "--detach", "FETCH_HEAD")
        running.outputs["ref"] = ref

    def _git(self, running: Running, target: Path, *arguments: str, quiet: bool = False) -> None:
        self._run(running, target, "git", *arguments, quiet=quiet)

    def _run(self, running: Running, target: Path, *argv: str, quiet: bool = False) -> None:
        variables = {**self._state.base_variables(), "GIT_TERMINAL_PROMPT": "0"}
        command = Command(argv, variables, target)
        status, output = self._machine.run_quietly(command, running.interrupt)
        running.interrupt.check()
        if output and (status or not quiet):
            running.report.log(self._state.masker.mask(output))
        if status:
            last = output.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise StepFailed(f"checkout: {' '.join(argv[:2])} failed: {last}")


def _prepare(received: _Received, target: Path, ref: str) -> Head:
    """Make `.git` out of what came."""
    meta, bundle = received.meta, received.bundle
    if meta is None or bundle is None:
        raise BundleInvalid(f"{META} or {BUNDLE} is missing")
    head = gitdir.find_head(bundle, meta, ref)
    if head is None:
        known = sorted(name for name in bundle.refs if name != "HEAD")
        raise StepFailed(
            f"checkout: there is no ref '{ref}' in the local clone; it has: "
            + ", ".join(known[:20])
        )
    git = target / ".git"
    gitdir.create(git, bundle, meta, head)
    gitdir.place_pack(git, received.files[BUNDLE], received.files.get(INDEX), bundle)
    return head


def _clear(target: Path, *, clean: bool) -> None:
    """An empty directory, or at least one without a repository."""
    if not target.is_dir():
        return
    for child in target.iterdir():
        if not clean and child.name != ".git":
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()


def _trust(home: Path, target: Path) -> None:
    """Let git work there whoever runs it, as the action does."""
    with (home / ".gitconfig").open("a", encoding="utf-8") as config:
        config.write(f"[safe]\n\tdirectory = {target}\n")


def _delete(target: Path, paths: bytes) -> None:
    for name in paths.split(b"\0"):
        path = target / os.fsdecode(name)
        if not name or ".." in path.parts or not _inside(path.parent, target):
            continue
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            path.unlink()
        for parent in path.parents:
            if parent == target:
                break
            try:
                parent.rmdir()
            except OSError:  # not empty
                break


def _inside(directory: Path, target: Path) -> bool:
    return Path(os.path.realpath(directory)).is_relative_to(os.path.realpath(target))
