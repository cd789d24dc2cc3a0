"""Small images for tests of the store: real files and digests, nothing that boots."""

from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.machines.images.manifest import FileEntry, Manifest
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.images.verify import sha256


def manifest_of(
    folder: Path,
    *,
    recipe: str = "default",
    architecture: Architecture = Architecture.AMD64,
    created: str = "2026-01-01T00:00:00+00:00",
) -> Manifest:
    files = [path for path in folder.iterdir() if path.is_file()]
    return Manifest(
        recipe=recipe,
        recipe_digest="a" * 64,
        architecture=architecture,
        created=created,
        kernel="6.1.0-1-cloud",
        mayfly="0.1.0",
        packages={"bash": "5.2"},
        files={path.name: FileEntry(sha256(path), path.stat().st_size) for path in files},
    )


def publish(
    store: ImageStore,
    *,
    content: bytes = b"root",
    recipe: str = "default",
    architecture: Architecture = Architecture.AMD64,
    created: str = "2026-01-01T00:00:00+00:00",
) -> Image:
    with store.building() as building:
        folder = building / "out"
        folder.mkdir()
        (folder / "root.erofs").write_bytes(content)
        (folder / "vmlinuz").write_bytes(b"kernel")
        (folder / "initrd").write_bytes(b"first programs")
        return store.publish(
            folder,
            manifest_of(folder, recipe=recipe, architecture=architecture, created=created),
        )
