"""An image's manifest: what is in it, where it came from, and the digest that names it.

The manifest is written in one canonical form, and an image's digest is the SHA-256 of those bytes.
As the manifest holds the SHA-256 of every other file, the digest vouches for the whole image.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mayfly.domain.architecture import Architecture

FORMAT = 1
DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE_NAME = re.compile(r"[a-z][a-z0-9._-]{0,62}")
_OWN_NAME = "manifest.json"


class ManifestInvalid(ValueError):
    """The text is not a manifest of ours."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """`sha256` in hexadecimal, `size` in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`created` is UTC, ISO 8601; `kernel` is what `uname -r` prints; `packages` name → version."""

    recipe: str
    recipe_digest: str
    architecture: Architecture
    created: str
    kernel: str
    mayfly: str
    packages: Mapping[str, str]
    files: Mapping[str, FileEntry]

    def to_bytes(self) -> bytes:
        """The canonical form."""
        document = {"format": FORMAT, **asdict(self)}
        return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Raises ManifestInvalid for anything this version does not write."""
        try:
            document = json.loads(data)
            manifest = cls._from_document(document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManifestInvalid(f"not a manifest: {error!r}") from error
        if manifest.to_bytes() != data:
            raise ManifestInvalid("not a manifest in its canonical form")
        return manifest

    @classmethod
    def _from_document(cls, document: Mapping[str, Any]) -> "Manifest":
        if document["format"] != FORMAT:
            raise ManifestInvalid(f"format {document['format']!r}, not {FORMAT}")
        entries = {}
        for name, entry in document["files"].items():
            # The name becomes a path beside the manifest.
            size = int(entry["size"])
            if not _is_file_name(name) or not DIGEST.fullmatch(entry["sha256"]) or size < 0:
                raise ManifestInvalid(f"bad file entry {name!r}")
            entries[name] = FileEntry(entry["sha256"], size)
        return cls(
            recipe=str(document["recipe"]),
            recipe_digest=str(document["recipe_digest"]),
            architecture=Architecture(document["architecture"]),
            created=str(document["created"]),
            kernel=str(document["kernel"]),
            mayfly=str(document["mayfly"]),
            packages={str(k): str(v) for k, v in document["packages"].items()},
            files=entries,
        )


def _is_file_name(name: str) -> bool:
    return _FILE_NAME.fullmatch(name) is not None and name != _OWN_NAME
