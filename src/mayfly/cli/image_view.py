"""Images as people and programs read them."""

import json as jsonlib
from typing import Any

from mayfly.cli.terminal import put
from mayfly.cli.words import duration, plural, size
from mayfly.machines.images.store import Image, ImageStore

_SHORT = 12
_COLUMNS = ("name", "arch", "digest", "built", "size", "kernel")


def print_images(store: ImageStore, *, json: bool) -> None:
    images = store.list()
    if json:
        put(jsonlib.dumps([_summary(store, image) for image in images], indent=2))
        return
    rows = [
        (
            ", ".join(store.names(image.digest)) or "(replaced)",
            image.architecture.value,
            image.digest[:_SHORT],
            image.manifest.created[:16].replace("T", " "),
            size(image.size),
            image.manifest.kernel,
        )
        for image in images
    ]
    widths = [max(len(row[at]) for row in [_COLUMNS, *rows]) for at in range(len(_COLUMNS))]
    for row in [_COLUMNS, *rows]:
        put("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    if not rows:
        put("no images yet: mayfly image build")


def print_image(store: ImageStore, image: Image, *, json: bool) -> None:
    manifest = image.manifest
    if json:
        more = {"files": {name: file.sha256 for name, file in manifest.files.items()}}
        document = _summary(store, image) | more | {"packages": dict(manifest.packages)}
        put(jsonlib.dumps(document, indent=2))
        return
    for key, value in (_summary(store, image) | {"size": size(image.size)}).items():
        text = ", ".join(value) if isinstance(value, list) else value
        put(f"{key + ':':<14} {text}")
    put("verified:      all files are what was built")
    for name, file in sorted(manifest.files.items()):
        put(f"  {name:<14} {size(file.size):>10}  sha256:{file.sha256}")
    put(f"{plural(len(manifest.packages), 'package')}:")
    for name, version in sorted(manifest.packages.items()):
        put(f"  {name} {version}")


def print_built(store: ImageStore, image: Image, seconds: float) -> None:
    names = ", ".join(store.names(image.digest)) or "(replaced)"
    put(
        f"{names} {image.architecture} {image.digest[:_SHORT]} {size(image.size)} "
        f"({duration(seconds)})"
    )


def _summary(store: ImageStore, image: Image) -> dict[str, Any]:
    manifest = image.manifest
    return {
        "names": store.names(image.digest),
        "architecture": image.architecture.value,
        "digest": image.digest,
        "recipe": manifest.recipe,
        "recipe_digest": manifest.recipe_digest,
        "built": manifest.created,
        "kernel": manifest.kernel,
        "mayfly": manifest.mayfly,
        "size": image.size,
        "folder": str(image.folder),
    }
