"""docs/api.md says what the application says about itself; the dashboard asks for what there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

from mayfly.server.metrics import Metrics

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_application_says() -> None:
    printed = subprocess.run(
        [sys.executable, "scripts/document_api.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert (ROOT / "docs/api.md").read_text() == printed, "run: make docs"


def test_the_dashboard_asks_for_figures_that_there_are() -> None:
    dashboard = json.loads((ROOT / "packaging/grafana/mayfly.json").read_text())
    asked = re.findall(r"mayfly_[a-z_]+", json.dumps(dashboard["panels"]))
    known = {
        name
        for family in Metrics().registry.collect()
        for name in _samples(family.name, family.type)
    }
    assert set(asked) <= known
    unshown = {name.removesuffix("_bucket").removesuffix("_total") for name in asked}
    assert len(unshown) >= 10


def _samples(name: str, kind: str) -> set[str]:
    if kind == "histogram":
        return {f"{name}_{part}" for part in ("bucket", "count", "sum")}
    return {f"{name}_total"} if kind == "counter" else {name}
