"""Guest images: recipes, the builder, the store, and what a driver needs to boot one.

An image is a read-only folder named by a digest; a machine boots its `kernel` with
`append_payload(image.initrd, ...)` as initrd, `kernel_cmdline(architecture)`, its `root` as a
virtio disk with the serial number `root`, its `layer`, if it has one, as one with the serial number
`layer`, and a fresh ext4 disk with the serial number `scratch`.
"""

from mayfly.machines.images.builder import build
from mayfly.machines.images.cmdline import kernel_cmdline
from mayfly.machines.images.host import Missing, missing
from mayfly.machines.images.initrd import Payload, PayloadFile, PayloadLink, append_payload
from mayfly.machines.images.manifest import Manifest
from mayfly.machines.images.progress import Observer, Progress, Stage
from mayfly.machines.images.recipe import Recipe, built_in, load_recipe
from mayfly.machines.images.store import Image, ImageStore

__all__ = [
    "Image",
    "ImageStore",
    "Manifest",
    "Missing",
    "Observer",
    "Payload",
    "PayloadFile",
    "PayloadLink",
    "Progress",
    "Recipe",
    "Stage",
    "append_payload",
    "build",
    "built_in",
    "kernel_cmdline",
    "load_recipe",
    "missing",
]
