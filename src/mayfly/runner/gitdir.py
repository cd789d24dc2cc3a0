"""Writes a `.git` directory around a bundle's pack, without starting git.

Every start of git costs tens of milliseconds under emulation. A bundle is a list of refs and a
pack; both can be put in place as they are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mayfly.protocol.source import SourceMeta

_SIGNATURES = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_MAX_HEADER = 64 * 1024 * 1024
_PIECE = 256 * 1024
_REF = re.compile(r"[0-9a-f]{40,64} (?P<name>\S+)")
_DIGEST_SIZE = {"sha1": 20, "sha256": 32}


class BundleInvalid(Exception):
    """Not a bundle that stands by itself."""


class Readable(Protocol):
    """`tarfile`'s view of a member, and any file."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Bundle:
    """`refs` maps names to object ids; the pack has been written to a file."""

    refs: dict[str, str]
    object_format: str


def split_bundle(stream: Readable, pack: Path) -> Bundle:
    """Read a bundle from its front: its header is returned, its pack written to a file."""
    header = bytearray()
    while (end := header.find(b"\n\n")) < 0:
        piece = stream.read(_PIECE)
        if not piece or len(header) > _MAX_HEADER:
            raise BundleInvalid("the bundle has no end of its list of refs")
        header += piece
    bundle = _header(bytes(header[: end + 1]))
    with pack.open("wb") as file:
        file.write(header[end + 2 :])
        while piece := stream.read(_PIECE):
            file.write(piece)
    return bundle


def _header(text: bytes) -> Bundle:
    signature, _, body = text.partition(b"\n")
    if signature + b"\n" not in _SIGNATURES:
        raise BundleInvalid("the repository's source is not a git bundle")
    refs: dict[str, str] = {}
    object_format = "sha1"
    for line in body.decode("utf-8", "surrogateescape").splitlines():
        if line.startswith("-"):
            raise BundleInvalid("the bundle needs commits that are not in it")
        if line.startswith("@"):
            key, _, value = line[1:].partition("=")
            object_format = value if key == "object-format" else object_format
        elif (match := _REF.fullmatch(line)) is not None:
            refs[match["name"]] = line.partition(" ")[0]
    return Bundle(refs, object_format)


def create(git: Path, bundle: Bundle, meta: SourceMeta, head: "Head") -> None:
    """The directories and files of `.git`; the pack and its index are put in by `place_pack`."""
    for name in ("objects/pack", "objects/info", "refs/heads", "refs/tags", "info", "hooks"):
        (git / name).mkdir(parents=True, exist_ok=True)
    write = {
        "HEAD": f"ref: refs/heads/{head.branch}\n" if head.branch else f"{head.commit}\n",
        "config": _config(bundle, meta, head),
        "packed-refs": _packed(_local_refs(bundle.refs, head)),
    }
    if meta.shallow:
        write["shallow"] = "".join(f"{commit}\n" for commit in meta.shallow)
    for name, text in write.items():
        (git / name).write_text(text, encoding="utf-8", errors="surrogateescape")


def place_pack(git: Path, pack: Path, index: Path | None, bundle: Bundle) -> Path:
    """Move the pack, and its index if there is one, to where git looks for them."""
    size = _DIGEST_SIZE.get(bundle.object_format, 20)
    with pack.open("rb") as file:
        file.seek(-size, 2)
        name = f"pack-{file.read(size).hex()}"
    target = git / "objects" / "pack" / f"{name}.pack"
    pack.replace(target)
    if index is not None:
        index.replace(target.with_suffix(".idx"))
    return target


@dataclass(frozen=True, slots=True)
class Head:
    """What is to be checked out: a commit, on a branch or detached."""

    commit: str
    branch: str | None


def find_head(bundle: Bundle, meta: SourceMeta, wanted: str) -> Head | None:
    """What `ref: wanted` means: the run's own if empty, a branch, a tag, a ref, or a commit."""
    if not wanted or wanted in {meta.branch, meta.sha}:
        return Head(meta.sha, meta.branch if wanted != meta.sha else None)
    for prefix in ("refs/heads/", "refs/tags/", ""):
        if (commit := bundle.refs.get(prefix + wanted)) is not None:
            name = prefix + wanted
            branch = name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else None
            return Head(commit, branch)
    if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", wanted):
        return Head(wanted, None)
    return None


def _local_refs(refs: Mapping[str, str], head: Head) -> dict[str, str]:
    """As a fetch would store them."""
    local = {}
    for name, commit in refs.items():
        for prefix, place in (
            ("refs/heads/", "refs/remotes/origin/"),
            ("refs/pull/", "refs/remotes/pull/"),
            ("refs/", "refs/"),
        ):
            if name.startswith(prefix):
                local[place + name.removeprefix(prefix)] = commit
                break
    if head.branch:
        local[f"refs/heads/{head.branch}"] = head.commit
    return local


def _packed(refs: Mapping[str, str]) -> str:
    lines = [f"{commit} {name}\n" for name, commit in sorted(refs.items())]
    return "# pack-refs with: sorted \n" + "".join(lines)


def _config(bundle: Bundle, meta: SourceMeta, head: Head) -> str:
    plain = bundle.object_format == "sha1"
    text = (
        f"[core]\n\trepositoryformatversion = {0 if plain else 1}\n\tfilemode = true\n"
        "\tbare = false\n\tlogallrefupdates = true\n[gc]\n\tauto = 0\n"
    )
    if not plain:
        text += f"[extensions]\n\tobjectformat = {bundle.object_format}\n"
    if meta.origin:
        text += (
            f'[remote "origin"]\n\turl = {_quoted(meta.origin)}\n'
            "\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
        )
    if head.branch:
        name = _quoted(head.branch)
        merged = _quoted(f"refs/heads/{head.branch}")
        text += f"[branch {name}]\n\tremote = origin\n\tmerge = {merged}\n"
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "") + '"'
