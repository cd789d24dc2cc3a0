"""What the documentation has people type: commands that exist, with options that they have."""

import base64
import functools
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from tests.postgres import started

from mayfly.cli.main import app
from mayfly.domain.labels import Requirement, resolve
from mayfly.server.config import load_server_config
from mayfly.store.sql.migrate import migrate
from mayfly.store.vault import Vault
from mayfly.system.home import Home

ROOT = Path(__file__).parents[2]
PAGES = sorted({ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")})
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(mayfly [a-z][^`]*)`")

# Which tests hold which examples to the program; pictures have no language.
EXECUTED = {
    "CONTRIBUTING.md": {"sh"},
    "README.md": {"sh", "yaml"},
    "docs/agents.md": {"sh"},
    "docs/api.md": {"sh", ""},
    "docs/architecture.md": {""},
    "docs/configuration.md": {"toml"},
    "docs/database.md": {"sh", "sql"},
    "docs/fleet.md": {"sh", "toml"},
    "docs/github.md": {"toml", "yaml"},
    "docs/images.md": {"sh", "toml"},
    "docs/people.md": {"toml"},
    "docs/scheduling.md": {"sh", "json", "python"},
    "docs/workflows.md": {"yaml"},
}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def examples(page: str, language: str) -> list[str]:
    found = [body for kind, body in _FENCE.findall((ROOT / page).read_text()) if kind == language]
    assert found, f"{page} has no {language} example"
    return found


def typed() -> list[tuple[str, str]]:
    """Each line of a shell example, with its page."""
    return [
        (named(page), line)
        for page in PAGES
        for kind, body in _FENCE.findall(page.read_text())
        if kind == "sh"
        for line in body.splitlines()
    ]


def mentioned() -> list[tuple[str, str]]:
    """Each command within a text, with its page."""
    return sorted(
        {(named(page), line) for page in PAGES for line in _INLINE.findall(page.read_text())}
    )


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_kind_of_example_has_its_test(page: Path) -> None:
    kinds = {kind for kind, _ in _FENCE.findall(page.read_text())}
    assert kinds <= EXECUTED.get(named(page), set())


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The program's command that is meant, and what it is given."""
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    return command, words


@functools.cache
def addresses() -> set[str]:
    """What the server answers at."""
    script = [sys.executable, "scripts/document_api.py", "--openapi"]
    document = json.loads(subprocess.run(script, cwd=ROOT, capture_output=True, check=True).stdout)
    return {*document["paths"], "/api/v1/openapi.json"}


@pytest.mark.parametrize(("page", "line"), typed())
def test_a_command_is_one(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    match words:
        case ["mayfly", *rest]:
            command, given = command_of(rest)
            assert not getattr(command, "commands", {}), f"{page}: {line}"
            command.make_context(line, given)  # raises for what it does not take
        case ["make", target]:
            assert f"\n{target}:" in (ROOT / "Makefile").read_text()
        case ["python", script, *options]:
            done = subprocess.run(
                [sys.executable, script, *options], cwd=ROOT, capture_output=True, check=True
            )
            assert done.stdout
        case ["python3", "-c", program]:
            said = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=True
            ).stdout
            assert len(base64.urlsafe_b64decode(said)) == 32
            assert Vault.from_text(said)
        case ["curl", *_, address]:
            assert address.removeprefix("$MAYFLY_SERVER") in addresses()
        case _:
            pytest.fail(f"{page}: no test knows what {line!r} does")


@pytest.mark.parametrize(("page", "line"), mentioned())
def test_a_mentioned_command_has_those_options(page: str, line: str) -> None:
    command, given = command_of(line.split()[1:])
    if getattr(command, "commands", {}):
        assert not given or given == ["--install-completion"], f"{page}: {line}"
        return
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    asked = {word.partition("=")[0] for word in given if word.startswith("-")}
    assert asked <= known | {"--help"}, f"{page}: {line}"


@pytest.mark.parametrize(
    "text", [*examples("README.md", "yaml"), *examples("docs/github.md", "yaml")]
)
def test_a_label_is_one_of_ours(text: str) -> None:
    labels = re.findall(r"runs-on: (\S+)", text)
    assert labels
    for label in labels:
        assert isinstance(resolve([label]), Requirement)


def test_a_github_of_ones_own_is_read(tmp_path: Path) -> None:
    [text] = examples("docs/github.md", "toml")
    (tmp_path / "server.toml").write_text(text)
    config = load_server_config(Home(tmp_path))
    assert config.github_url.endswith("github.example.org")
    assert config.github_api_url.startswith(config.github_url)


def test_postgresql_makes_the_database_as_shown() -> None:
    [text] = examples("docs/database.md", "sql")
    with started() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as administrator:
            for statement in text.strip().splitlines():
                administrator.execute(statement.encode())
        migrate(server.url("mayfly").replace("postgres@", "mayfly@"))
