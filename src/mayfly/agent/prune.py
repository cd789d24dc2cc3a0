"""Frees the space of what is whole but no longer needed: replaced images, unused templates."""

from mayfly.machines.images.store import ImageStore
from mayfly.machines.qemu.template import TemplateStore
from mayfly.system.home import Home


def prune(home: Home, unused_s: float, now: float) -> list[str]:
    """Remove images that no name stands for any more, and templates unused for so long.

    One line for each thing. Running machines are not harmed: what they use stays open. `now` is
    in seconds since 1970.
    """
    store = ImageStore(home)
    replaced = [image for image in store.list() if not store.names(image.digest)]
    gone = [f"replaced image {store.remove(image.digest)[:12]}" for image in replaced]
    templates = TemplateStore(home.templates).prune(unused_s, now)
    return gone + [f"unused template {path.name}" for path in templates]
