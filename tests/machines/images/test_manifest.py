import hashlib
import json

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.machines.images.manifest import FileEntry, Manifest, ManifestInvalid

MANIFEST = Manifest(
    recipe="default",
    recipe_digest="a" * 64,
    architecture=Architecture.ARM64,
    created="2026-01-01T00:00:00+00:00",
    kernel="6.1.0-1-cloud-arm64",
    mayfly="0.1.0",
    packages={"zlib1g": "1:1.2", "bash": "5.2"},
    files={"root.erofs": FileEntry("b" * 64, 12)},
)


def test_what_is_written_reads_back_equal() -> None:
    assert Manifest.from_bytes(MANIFEST.to_bytes()) == MANIFEST


def test_the_digest_is_that_of_the_canonical_bytes() -> None:
    assert MANIFEST.digest == hashlib.sha256(MANIFEST.to_bytes()).hexdigest()


def changed(**fields: object) -> bytes:
    document = {**json.loads(MANIFEST.to_bytes()), **fields}
    return json.dumps(document, sort_keys=True, indent=1).encode() + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        MANIFEST.to_bytes() + b" ",
        json.dumps(json.loads(MANIFEST.to_bytes())).encode(),
        changed(format=2),
        changed(architecture="riscv64"),
        changed(unknown="key"),
        changed(files={"../escape": {"sha256": "b" * 64, "size": 1}}),
        changed(files={"root.erofs": {"sha256": "short", "size": 1}}),
        changed(files={"root.erofs": {"sha256": "b" * 64, "size": "1"}}),
        changed(files=[]),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        Manifest.from_bytes(data)
