"""The rehearsal before Ready."""

from pathlib import Path

from tests.runner.harness import layout_in

from mayfly.runner import warm


def test_a_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    layout = layout_in(tmp_path)
    warm.rehearse(layout, None)
    warm.rehearse(layout, None)
    assert list(layout.work.iterdir()) == []
