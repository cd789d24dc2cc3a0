"""Values of options: all mistakes at once, and secrets that stay secret."""

from pathlib import Path

import pytest

from mayfly.cli import values
from mayfly.cli.complaints import Complaints
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput


def complaint(complaints: Complaints) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        complaints.raise_any()
    return caught.value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], (None,)),
        (["amd64"], (Architecture.AMD64,)),
        (["amd64,arm64"], (Architecture.AMD64, Architecture.ARM64)),
        (["aarch64", "x86_64"], (Architecture.ARM64, Architecture.AMD64)),
        (["arm64, arm64"], (Architecture.ARM64,)),
    ],
)
def test_legs(given: list[str], expected: tuple[Architecture | None, ...]) -> None:
    complaints = Complaints()
    assert values.legs(given, complaints) == expected
    complaints.raise_any()


def test_everything_wrong_is_said_at_once() -> None:
    complaints = Complaints()
    values.legs(["amd64,riscv64"], complaints)
    values.variables("--env", ["1A=x", "=y"], complaints)
    values.matrix(["os"], complaints)
    values.payload(Path("/nonexistent/event.json"), complaints)
    message = complaint(complaints).message
    assert len(message.splitlines()) == 5
    for word in ("riscv64", "1A", "'=y'", "'os'", "/nonexistent/event.json"):
        assert word in message


def test_a_name_alone_takes_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "from outside")
    monkeypatch.delenv("MISSING", raising=False)
    complaints = Complaints()
    found = values.variables("--env", ["GIVEN", "B=a=b", "EMPTY="], complaints)
    assert found == {"GIVEN": "from outside", "B": "a=b", "EMPTY": ""}
    complaints.raise_any()
    values.variables("--env", ["MISSING"], complaints)
    assert "MISSING" in complaint(complaints).message


def test_values_of_a_matrix_key_are_alternatives() -> None:
    found = values.matrix(["os=a", "os:b", "url=http://x:1"], Complaints())
    assert found == {"os": frozenset({"a", "b"}), "url": frozenset({"http://x:1"})}


def test_secrets_come_from_files_the_environment_and_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env").write_text("FILED=f\nSHADOWED=old\n")
    monkeypatch.setenv("AROUND", "e")
    complaints = Complaints()
    found = values.secrets(
        ["AROUND", "SHADOWED=new", "ASKED"],
        [tmp_path / "env"],
        complaints,
        lambda name: f"<{name}>",
    )
    complaints.raise_any()
    assert found == {"FILED": "f", "SHADOWED": "new", "AROUND": "e", "ASKED": "<ASKED>"}


def test_complaints_about_secrets_never_show_values(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("hunter2 hunter2\n")
    complaints = Complaints()
    texts = ["bad name=hunter2", "NOBODY_KNOWS", "=hunter2"]
    values.secrets(texts, [tmp_path / "env", tmp_path / "none"], complaints, lambda _name: None)
    error = complaint(complaints)
    assert "hunter2" not in f"{error.message}{error.remedy}{error.details}"
    assert "NOBODY_KNOWS" in error.message
    assert len(error.message.splitlines()) == 5


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 100_000, "nul"])
def test_a_payload_is_an_object(tmp_path: Path, text: str) -> None:
    file = tmp_path / "event.json"
    file.write_text(text)
    complaints = Complaints()
    assert values.payload(file, complaints) is None
    assert str(file) in complaint(complaints).message


def test_a_payload_is_read(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text('{"action": "opened"}')
    complaints = Complaints()
    assert values.payload(file, complaints) == {"action": "opened"}
    assert values.payload(None, complaints) is None
    complaints.raise_any()
