"""The commands that keep a server's store, as a person uses them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mayfly.cli.main import app
from mayfly.domain.errors import HostCannot
from mayfly.store.sql.migrate import migrate
from mayfly.store.vault import Vault, generate_key


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAYFLY_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    migrate(f"sqlite:///{tmp_path}/home/mayfly.db")
    Vault.open(tmp_path / "home" / "vault.key")
    return tmp_path / "home"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_there_and_back(home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert f"kept in {kept}: the store as of 2" in run("backup", str(kept))
    (home / "mayfly.db").unlink()
    assert "0 blobs" in run("restore", str(kept))
    assert "restored from" in run("restore", str(kept), "--overwrite")


def test_without_the_key_nothing_is_restored(home: Path, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "kept"))
    (home / "vault.key").unlink()
    with pytest.raises(HostCannot, match="there is no key file"):
        run("restore", str(tmp_path / "kept"), "--overwrite")
    assert not (home / "vault.key").exists(), "a new key would open nothing"


def test_the_key_is_changed(home: Path) -> None:
    key_file = home / "vault.key"
    key_file.write_text(f"{generate_key()}\n{key_file.read_text()}")
    assert "0 rows were encrypted" in run("reseal")
