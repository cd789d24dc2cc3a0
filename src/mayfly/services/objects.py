"""Chooses the git objects a job gets, and packs them with their index."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mayfly.services.git import answer, git
from mayfly.services.refs import HEADS, TAGS
from mayfly.services.repository import Repository

_SHA1_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Objects:
    """`refs` to objects, `HEAD` among them; `shallow` are commits sent without their parents."""

    refs: Mapping[str, str]
    shallow: tuple[str, ...]

    def bundle_header(self) -> bytes:
        """What comes before the pack in a git bundle."""
        if len(self.refs["HEAD"]) == _SHA1_LENGTH:
            lines = ["# v2 git bundle"]
        else:
            lines = ["# v3 git bundle", "@object-format=sha256"]
        lines += [f"{commit} {name}" for name, commit in self.refs.items()]
        return ("\n".join(lines) + "\n\n").encode(errors="surrogateescape")


async def choose_objects(repository: Repository, ref: str, *, history: bool) -> Objects:
    """The commit on its branch, and under `ref`; with `history` every branch and tag as well.

    Branches are those of the remote, as a job would see them there, and local ones it lacks; only
    the one that is checked out comes as it is here.
    """
    state, known = repository.state, repository.refs.all
    refs = {"HEAD": state.sha}
    if state.branch is not None:
        refs[HEADS + state.branch] = state.sha
    if ref.startswith(TAGS) and ref in known:
        refs[ref] = known[ref]
    elif ref.startswith("refs/"):
        refs.setdefault(ref, state.sha)
    if history:
        refs |= {name: commit for name, commit in _others(repository) if name not in refs}
        return Objects(refs, await _cut_off_in_clone(repository.root, refs))
    # Parents as the commit names them: a shallow clone does not have them, and hides them.
    raw = await git(repository.root, "cat-file", "commit", state.sha)
    has_parents = b"\nparent " in raw.partition(b"\n\n")[0]
    return Objects(refs, (state.sha,) if has_parents else ())


async def pack_objects(root: Path, folder: Path, objects: Objects) -> Path:
    """The pack in `folder`, its index beside it. CommandFailed if objects are missing."""
    tips = [*(f"--shallow {commit}" for commit in objects.shallow), *objects.refs.values()]
    options = ["--revs", "--delta-base-offset", "-q"]
    if objects.refs["HEAD"] in objects.shallow:
        # One version of each file: looking for similar ones costs more than it saves.
        options += ["--shallow", "--window=0"]
    lines = "".join(f"{line}\n" for line in tips)
    base = str(folder / "pack")
    name = await git(root, "pack-objects", *options, base, stdin=lines.encode())
    return Path(f"{base}-{name.decode().strip()}.pack")


def _others(repository: Repository) -> list[tuple[str, str]]:
    known = repository.refs.all
    remote = f"refs/remotes/{repository.refs.remote}/"
    branches = {name: commit for name, commit in known.items() if name.startswith(HEADS)}
    for name, commit in known.items():
        if name.startswith(remote) and name != remote + "HEAD":
            branches[HEADS + name.removeprefix(remote)] = commit
    tags = {name: commit for name, commit in known.items() if name.startswith(TAGS)}
    return sorted((branches | tags).items())


async def _cut_off_in_clone(root: Path, refs: Mapping[str, str]) -> tuple[str, ...]:
    """Where a shallow clone's own history ends."""
    if await answer(root, "rev-parse", "--is-shallow-repository") != "true":
        return ()
    place = (await git(root, "rev-parse", "--git-path", "shallow")).decode().strip()
    cut = _lines(root / place)
    listed = await git(root, "rev-list", "--stdin", stdin="\n".join(refs.values()).encode())
    return tuple(sorted(cut & set(listed.decode().split())))


def _lines(path: Path) -> set[str]:
    return set(path.read_text().split())
