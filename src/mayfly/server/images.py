"""The images that a server's names stand for; hosts take them from here by digest.

An image is a manifest and files, each a blob named by its SHA-256. What they are is not looked at:
hosts check all of it before use.
"""

from collections.abc import Sequence

from mayfly.domain.architecture import Architecture
from mayfly.server.people.audit import Author, note
from mayfly.server.refusals import NotFound
from mayfly.store.base import Tx, View
from mayfly.store.rows import ImageRow


def image_key(digest: str) -> str:
    """Where a part of an image lies."""
    return f"images/{digest}"


def row_id(name: str, architecture: Architecture) -> str:
    return f"{name}/{architecture.value}"


def name_image(
    tx: Tx, author: Author, name: str, architecture: Architecture, parts: Sequence[str]
) -> list[str]:
    """Let a name stand for the image of these parts, the manifest first.

    Gives the parts that no image is made of any more, to be deleted once this is committed.
    """
    key = row_id(name, architecture)
    before = tx.get(ImageRow, key)
    if before is not None and before.digest == parts[0]:
        return []
    row = ImageRow(id=key, digest=parts[0], parts=tuple(parts), pushed=author.at, by=author.actor)
    tx.put(row)
    note(tx, author, "image.push", key, digest=row.digest)
    return _unused(tx, before.parts if before else ())


def forget_image(tx: Tx, author: Author, name: str, architecture: Architecture) -> list[str]:
    """The name stands for nothing then; gives what `name_image` does. Raises NotFound."""
    key = row_id(name, architecture)
    before = tx.get(ImageRow, key)
    if before is None:
        raise NotFound(f"there is no image {key}")
    tx.delete(ImageRow, key)
    note(tx, author, "image.remove", key, digest=before.digest)
    return _unused(tx, before.parts)


def _unused(view: View, parts: Sequence[str]) -> list[str]:
    used = {part for row in view.find(ImageRow) for part in row.parts}
    return [part for part in parts if part not in used]
