"""Writes the table of docs/api.md from the application itself: every route, and whom it is open to.

python scripts/document_api.py            docs/api.md, to standard output
python scripts/document_api.py --openapi  the OpenAPI document instead
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mayfly.server.app import make_app
from mayfly.server.assembly import make_services
from mayfly.server.people.roles import RULES, Action, Level
from mayfly.server.settings import Settings
from mayfly.store.blobs import DirectoryBlobs
from mayfly.store.memory import MemoryStore

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
HEADING = "## All of it\n"

_WHO = {
    Level.ANYONE: "anyone",
    Level.USER: "any user",
    Level.PUBLIC: "viewer, or anyone if public",
    Level.VIEWER: "viewer",
    Level.MAINTAINER: "maintainer",
    Level.PROJECT_ADMIN: "project admin",
    Level.SITE_ADMIN: "site admin",
}


def document() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        blobs = DirectoryBlobs(Path(folder))
        app = make_app(make_services(MemoryStore(), blobs, Settings(), time.time))
    found: dict[str, Any] = app.openapi()
    return found


def table(openapi: dict[str, Any]) -> str:
    groups: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            line = f"| `{method.upper()} {path}` | {operation['summary']} | {_right(operation)} |"
            groups.setdefault(operation["tags"][0], []).append(line)
    head = "| route | what it does | who, with which scope |\n| --- | --- | --- |\n"
    parts = [f"### {name}\n\n{head}" + "\n".join(lines) for name, lines in groups.items()]
    return "\n\n".join(parts) + "\n"


def _right(operation: dict[str, Any]) -> str:
    if "x-mayfly-action" not in operation:
        return "anyone"
    rule = RULES[Action(operation["x-mayfly-action"])]
    return _WHO[rule.level] + (f", `{rule.scope}`" if rule.level > Level.ANYONE else "")


def main() -> None:
    if "--openapi" in sys.argv:
        print(json.dumps(document(), indent=2))
        return
    prose = PAGE.read_text().partition(HEADING)[0]
    page = prose + HEADING + "\n" + table(document())
    if "--write" in sys.argv:
        PAGE.write_text(page)
    else:
        print(page, end="")


if __name__ == "__main__":
    main()
