"""Archives by address and digest: fetched once, kept, never used unchecked.

cache/archives/<sha256>    what was fetched, or was put there by hand
cache/archives/.part-*/    downloads under way; reaped when their owner is gone
"""

import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mayfly.domain.errors import HostCannot
from mayfly.machines.images.recipe import Archive
from mayfly.machines.images.verify import sha256
from mayfly.system.home import Home
from mayfly.system.owned import owned_folder, reap_folders
from mayfly.system.process import CommandFailed, dies_with_parent, run
from mayfly.system.threads import in_thread

# It knows this host's proxies and authorities, and is wherever packages can be fetched at all.
_HELPER = "/usr/lib/apt/apt-helper"
_OPTIONS = ("-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3")


async def fetch(home: Home, archive: Archive) -> Path:
    """A file with the archive's digest, not to be changed. Raises HostCannot."""
    folder = home.root / "cache" / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / archive.sha256
    if kept.exists() and await in_thread(sha256, kept) == archive.sha256:
        return kept
    parts = urlsplit(archive.url)
    if parts.scheme == "file":
        file = Path(unquote(parts.path))
        await _check(archive, file, kept)
        return file
    reap_folders(folder, ".part-*")
    with owned_folder(folder, f".part-{secrets.token_hex(6)}") as work:
        file = work / "archive"
        await _download(archive, file, kept)
        await _check(archive, file, kept)
        return file.replace(kept)


async def _download(archive: Archive, target: Path, kept: Path) -> None:
    try:
        await run(dies_with_parent([_HELPER, *_OPTIONS, "download-file", archive.url, str(target)]))
    except (CommandFailed, FileNotFoundError) as error:
        said = error.stderr.strip() if isinstance(error, CommandFailed) else str(error)
        raise _unavailable(archive, kept, said) from error


async def _check(archive: Archive, file: Path, kept: Path) -> None:
    try:
        found = await in_thread(sha256, file)
    except OSError as error:
        raise _unavailable(archive, kept, str(error)) from error
    if found != archive.sha256:
        raise _unavailable(archive, kept, f"its SHA-256 is {found}, not {archive.sha256}")


def _unavailable(archive: Archive, kept: Path, details: str) -> HostCannot:
    return HostCannot(
        f"cannot fetch {archive.url}",
        details=details,
        remedy=f"let this host reach it, or fetch it elsewhere and put it at {kept}",
    )
