"""What the URL of a remote says."""

import pytest

from mayfly.services.remote import Forge, forge_of, safe_name, without_credentials

GITHUB = Forge("https://github.com", "octo", "hello")


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octo/hello",
        "https://github.com/octo/hello.git",
        "https://github.com/octo/hello/",
        "https://mona:secret@github.com/octo/hello.git",
        "git@github.com:octo/hello.git",
        "github.com:octo/hello",
        "ssh://git@github.com/octo/hello.git",
        "ssh://git@github.com:22/octo/hello.git",
        "git://github.com/octo/hello.git",
    ],
)
def test_every_way_to_write_it(url: str) -> None:
    assert forge_of(url) == GITHUB


def test_the_port_of_a_web_server_stays() -> None:
    assert forge_of("http://localhost:3000/a/b") == Forge("http://localhost:3000", "a", "b")


def test_of_groups_in_groups_the_last_counts() -> None:
    assert forge_of("git@gitlab.com:a/b/c.git") == Forge("https://gitlab.com", "b", "c")


@pytest.mark.parametrize(
    "url", ["/srv/git/hello.git", "../hello", "file:///srv/hello.git", "https://github.com/one", ""]
)
def test_a_path_has_no_forge(url: str) -> None:
    assert forge_of(url) is None


@pytest.mark.parametrize(
    ("name", "safe"), [("my project", "my-project"), ("..", "repository"), ("naïve", "na-ve")]
)
def test_names_are_safe_in_paths(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://mona:token@github.com/o/r", "https://github.com/o/r"),
        ("https://token@github.com:8443/o/r", "https://github.com:8443/o/r"),
        ("ssh://git:password@github.com/o/r", "ssh://git@github.com/o/r"),
        ("git@github.com:o/r", "git@github.com:o/r"),
        ("/srv/a@b/r", "/srv/a@b/r"),
    ],
)
def test_credentials_are_dropped(url: str, public: str) -> None:
    assert without_credentials(url) == public
