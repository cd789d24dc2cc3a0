"""`server.toml` under the command line: what is read, and what is said of what cannot be."""

from pathlib import Path

import pytest

from mayfly.domain.errors import InvalidInput
from mayfly.server.config import ServerConfig, load_server_config, parse_address
from mayfly.server.settings import Settings
from mayfly.system.home import Home


def load(
    folder: Path, text: str, *, listen: str | None = None, base_url: str | None = None
) -> ServerConfig:
    (folder / "server.toml").write_text(text)
    return load_server_config(Home(folder), listen=listen, base_url=base_url)


def test_without_a_file_everything_is_in_the_home(tmp_path: Path) -> None:
    config = load_server_config(Home(tmp_path))
    assert config.database == f"sqlite:///{tmp_path}/mayfly.db"
    assert (config.blobs, config.key_file) == (None, tmp_path / "vault.key")
    assert (config.listen, config.url) == (("127.0.0.1", 8080), "http://127.0.0.1:8080")


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    text = '[server]\nlisten = "127.0.0.1:1"\nbase_url = "https://a.example/"\n'
    assert load(tmp_path, text).url == "https://a.example"
    config = load(tmp_path, text, listen="[::1]:2", base_url="https://b.example/ci")
    assert (config.listen, config.url) == (("::1", 2), "https://b.example/ci")


def test_what_is_bounded_and_kept_unless_it_says_otherwise(tmp_path: Path) -> None:
    config, settings = load_server_config(Home(tmp_path)), Settings()
    assert (config.uploads_limit, config.journal_limit) == (50 << 30, 256 << 20)
    assert (config.uploads_s, config.logs_s) == (14 * 86400, 365 * 86400)
    for name in ("uploads_limit", "journal_limit", "uploads_s", "logs_s"):
        assert getattr(settings, name) == getattr(config, name)


def test_bounds_come_in_binary_units_and_times_in_days(tmp_path: Path) -> None:
    text = "[limits]\nuploads_gib = 3\njournal_mib = 70\n[keep]\nuploads_days = 2\nlogs_days = 0\n"
    config = load(tmp_path, text)
    assert (config.uploads_limit, config.journal_limit) == (3 << 30, 70 << 20)
    assert (config.uploads_s, config.logs_s) == (2 * 86400, None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[keep]\nlogs_days = -1\n", "keep.logs_days: expected a whole number, 0 or more"),
        ("[keep]\nuploads_days = false\n", "keep.uploads_days: expected a whole number"),
        ("[keep]\nuploads_days = 1.5\n", "keep.uploads_days: expected a whole number"),
        ("[limits]\nuploads_gib = 0\n", "limits.uploads_gib: expected a whole number above 0"),
        ("[limits]\nlog_mib = 1\n", "unknown key limits.log_mib"),
        ("[server\n", "not valid TOML"),
        ("[serverr]\n", "unknown key serverr; did you mean 'server'?"),
        ('[server]\nlisten_on = "x"\n', "unknown key server.listen_on"),
        ("[server]\nlisten = 8080\n", "server.listen"),
        ('[server]\nopen_metrics = "yes"\n', "expected true or false"),
        ('[sign_in.x]\nkind = "github"\n', "sign_in.x: lacks client_id"),
        (
            '[sign_in.x]\nclient_id = "a"\nclient_secret_file = "server.none"\n',
            "sign_in.x: lacks server",
        ),
        (
            '[github]\nurl = "github.example.org"\n',
            "github.url: 'github.example.org' is no address",
        ),
        (
            '[sign_in.x]\nclient_id = "a"\nclient_secret_file = "x"\nserver = "id"\n',
            "sign_in.x.server: 'id' is no address",
        ),
        (
            '[sign_in.x]\nkind = "github"\nclient_id = "a"\nclient_secret_file = "/no/such"\n',
            "client_secret_file: cannot be read: No such file",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "server.toml") in caught.value.message
    assert complaint in caught.value.message


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "https://", "https://x?y", "https://x y"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput, match="is no address to reach a server by"):
        load(tmp_path, "", base_url=url)


@pytest.mark.parametrize("text", ["8080", "host", "host:", "host:99999", "host:-1"])
def test_what_is_no_address_and_port_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no address and port"):
        parse_address(text)


def test_a_file_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no file"):
        load_server_config(Home(tmp_path), tmp_path / "none.toml")
