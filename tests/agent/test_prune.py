"""What is whole but no longer needed goes; what is used or named stays."""

import os
from pathlib import Path

import pytest
from tests.machines.images.images import publish

from mayfly.agent.prune import prune
from mayfly.machines.images.store import ImageStore
from mayfly.system.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_replaced_images_go_and_the_named_stay(home: Home) -> None:
    store = ImageStore(home)
    old = publish(store, created="2026-01-01")
    new = publish(store, created="2026-02-01")
    assert prune(home, 0, 0) == [f"replaced image {old.digest[:12]}"]
    assert [image.digest for image in store.list()] == [new.digest]
    assert prune(home, 0, 0) == []


def test_templates_go_when_unused_for_so_long(home: Home) -> None:
    for name, used in (("old", 1000), ("new", 5000)):
        folder = home.templates / name
        folder.mkdir()
        (folder / "seal.json").write_text("{}")
        os.utime(folder / "seal.json", (used, used))
    assert prune(home, 2000, 6000) == ["unused template old"]
    assert [path.name for path in home.templates.iterdir() if path.is_dir()] == ["new"]
