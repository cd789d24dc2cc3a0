"""Configuration files: what they say, and what is wrong with them."""

from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.domain.labels import Requirement
from mayfly.services.config import Config, load_config
from mayfly.system.home import Home


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config/mayfly").mkdir(parents=True)
    return tmp_path / "config/mayfly/config.toml"


def load(tmp_path: Path, text: str) -> Config:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(text)
    return load_config(Home(home))


def test_nothing_configured(tmp_path: Path) -> None:
    config = load_config(Home(tmp_path / "none"))
    assert config == Config()
    assert config.actions.server == "https://github.com"


def test_everything(tmp_path: Path) -> None:
    (tmp_path / "home/mine").mkdir(parents=True)
    config = load(
        tmp_path,
        """
        [actions]
        server = "https://git.example.org/"
        [actions.replace]
        "Octo/Tool" = "mine"
        [labels]
        Big = "mayfly-arm64-8cpu-16gb"
        mid = { architecture = "amd64", cpu = 0.5, memory_gib = 1.5, image = "minimal" }
        other = { cpu = 3 }
        any = { architecture = "any" }
        [network]
        allow = ["10.1.2.3:5432", "10.2.0.0/16"]
        dns = "9.9.9.9"
        [vars]
        NAME = "value"
        [machines]
        disk_gib = 7
        log_limit_mib = 8
        """,
    )
    assert config.actions.server == "https://git.example.org"
    assert config.actions.replace == {"octo/tool": tmp_path / "home/mine"}
    assert config.labels == {
        "big": Requirement(Architecture.ARM64, Decimal(8), 16384),
        "mid": Requirement(Architecture.AMD64, Decimal("0.5"), 1536, "minimal"),
        "other": Requirement(Architecture.AMD64, Decimal(3)),
        "any": Requirement(None),
    }
    assert config.network.allow == ("10.1.2.3:5432", "10.2.0.0/16")
    assert config.network.dns == IPv4Address("9.9.9.9")
    assert config.vars == {"NAME": "value"}
    assert (config.disk_gib, config.log_limit_mib) == (7, 8)


def test_the_home_wins_over_the_user_key_by_key(tmp_path: Path, user: Path) -> None:
    user.write_text('[vars]\nA = "user"\nB = "user"\n[machines]\ndisk_gib = 1')
    config = load(tmp_path, '[vars]\nA = "home"\n[network]\ndns = "1.1.1.1"')
    assert config.vars == {"A": "home", "B": "user"}
    assert config.disk_gib == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[actions", "not valid TOML: Expected ']'"),
        ("[action]", "unknown key action; did you mean 'actions'?"),
        ("[machines]\ndisk = 1", "unknown key machines.disk; did you mean 'disk_gib'?"),
        ("labels = 3", "labels: expected a table, got 3"),
        ("[actions]\nserver = 3", "actions.server: expected a string, got 3"),
        ('[actions]\nserver = "github.com"', "actions.server: expected a URL"),
        ('[actions.replace]\ntool = "."', "actions.replace.tool: a key is owner/repository"),
        ('[actions.replace]\n"a/b" = "none"', "actions.replace.a/b: .*none is not a folder"),
        ('[labels]\nx = "bigg"', "labels.x: unknown label 'bigg'"),
        ('[labels]\nx = "macos-14"', "labels.x: 'macos-14' is macOS"),
        ("[labels]\nx = { cpus = 2 }", "unknown key labels.x.cpus; did you mean 'cpu'?"),
        ("[labels]\nx = { cpu = nan }", "labels.x.cpu: expected a number above 0, got nan"),
        ("[labels]\nx = { cpu = -1 }", "labels.x.cpu: expected a number above 0, got -1"),
        ('[labels]\nx = { architecture = "sparc" }', "labels.x.architecture: unknown arch"),
        ("[network]\nallow = [1]", r"network.allow: expected a list of strings, got \[1\]"),
        ('[network]\ndns = "dns.example"', "network.dns: expected an IPv4 address"),
        ("[vars]\nA = 1", "vars.A: expected a string, got 1"),
        ("[machines]\ndisk_gib = true", "machines.disk_gib: expected a whole number above 0"),
        ("[machines]\ndisk_gib = 0", "machines.disk_gib: expected a whole number above 0, got 0"),
    ],
)
def test_what_is_wrong_names_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "home" / "config.toml"
    pattern = complaint.replace("?", r"\?").replace("'.", "'")
    with pytest.raises(InvalidInput, match=f"^{file}: {pattern}"):
        load(tmp_path, text)


def test_a_file_that_is_not_text(tmp_path: Path, user: Path) -> None:
    user.write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="not valid TOML"):
        load(tmp_path, "")
