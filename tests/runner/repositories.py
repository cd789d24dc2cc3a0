"""Repositories to check out, packed as a host sends them."""

import io
import subprocess
import tarfile
from pathlib import Path

from mayfly.protocol.codec import encode
from mayfly.protocol.source import BUNDLE, CHANGES, DELETED, INDEX, META, SourceMeta


def git(directory: Path, *arguments: str) -> str:
    command = ("git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments)
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(directory: Path, files: dict[str, str]) -> Path:
    """A repository with one commit on `main`."""
    directory.mkdir(parents=True)
    git(directory, "init", "-q", "-b", "main")
    commit(directory, files)
    return directory


def commit(directory: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "change")
    return git(directory, "rev-parse", "HEAD")


def packed(
    directory: Path,
    *,
    changes: dict[str, str] | None = None,
    deleted: tuple[str, ...] = (),
    index: bool = False,
) -> bytes:
    """The tar that answers a SourceRequest for this repository."""
    bundle = directory.with_suffix(".bundle")
    git(directory, "bundle", "create", "-q", str(bundle), "HEAD", "--all")
    members = {
        META: encode(
            SourceMeta(
                sha=git(directory, "rev-parse", "HEAD"),
                branch=git(directory, "branch", "--show-current") or None,
                ref="refs/heads/main",
                origin="https://example.org/octo/demo",
            )
        ),
        BUNDLE: bundle.read_bytes(),
    }
    if index:
        members[INDEX] = _index_of(bundle)
    if deleted:
        members[DELETED] = b"".join(name.encode() + b"\0" for name in deleted)
    if changes:
        members[CHANGES] = tar_of(changes)
    return tar_of(members)


def tar_of(files: dict[str, str] | dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _index_of(bundle: Path) -> bytes:
    pack = bundle.with_suffix(".pack")
    pack.write_bytes(bundle.read_bytes().partition(b"\n\n")[2])
    subprocess.run(("git", "index-pack", str(pack)), check=True, capture_output=True)
    return pack.with_suffix(".idx").read_bytes()
