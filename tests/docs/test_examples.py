"""What the documentation shows is true: every fenced example and table is read by the program."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from mayfly.domain.labels import Requirement, resolve
from mayfly.machines.images.recipe import load_recipe
from mayfly.server.config import load_server_config
from mayfly.services.config import load_config
from mayfly.system.home import Home
from mayfly.workflow.reader import read_workflow

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_ROW = re.compile(r"^\| `(.+?)` \| (.+?) \| ([\d.]+) \| ([\d.]+) GiB \|$", re.MULTILINE)


def examples(page: str, language: str) -> list[str]:
    found = [body for kind, body in _FENCE.findall((ROOT / page).read_text()) if kind == language]
    assert found, f"{page} has no {language} example"
    return found


@pytest.mark.parametrize("text", examples("docs/workflows.md", "yaml"))
def test_a_workflow_reads_without_a_problem(text: str) -> None:
    assert read_workflow(text.encode(), "example.yml").jobs


@pytest.mark.parametrize("text", examples("docs/images.md", "toml"))
def test_a_recipe_loads(text: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)

    recipe = load_recipe(str(file))
    assert recipe.packages or recipe.base


@pytest.mark.parametrize("text", examples("docs/configuration.md", "toml"))
def test_a_configuration_loads(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    (tmp_path / "config.toml").write_text(text)

    config = load_config(Home(tmp_path))

    assert config.labels or config.actions.replace


@pytest.mark.parametrize(
    ("labels", "architecture", "cpu", "memory"),
    _ROW.findall((ROOT / "docs/workflows.md").read_text()),
)
def test_a_label_means_what_the_table_says(
    labels: str, architecture: str, cpu: str, memory: str
) -> None:
    found = resolve(labels.strip("[]").split(", "))

    assert isinstance(found, Requirement)
    assert (found.cpu, found.memory_mib) == (Decimal(cpu), int(Decimal(memory) * 1024))
    if architecture == "this host's own":
        assert found.architecture is None
    else:
        assert found.architecture == architecture


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    "text", [*examples("docs/fleet.md", "toml"), *examples("docs/people.md", "toml")]
)
def test_a_servers_configuration_loads(text: str, tmp_path: Path) -> None:
    file = tmp_path / "server.toml"
    secret = tmp_path / "secret"
    secret.write_text("hush")
    file.write_text(re.sub(r'client_secret_file = ".*"', f'client_secret_file = "{secret}"', text))
    config = load_server_config(Home(tmp_path), file)
    assert config.url.startswith("http")
