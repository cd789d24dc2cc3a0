"""Sealing, keys, and where they are kept."""

import stat
import threading
from pathlib import Path

import pytest

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.store.vault import CannotUnseal, Vault, generate_key

OLD, NEW = b"o" * 32, b"n" * 32
PLACE = ("jobs", "spec", "j1")


def test_opens_what_it_sealed_and_hides_it() -> None:
    vault = Vault([NEW])
    sealed = vault.seal(b"hush", *PLACE)
    assert b"hush" not in sealed
    assert vault.unseal(sealed, *PLACE) == b"hush"
    assert vault.seal(b"hush", *PLACE) != sealed, "equal values must not look equal"


@pytest.mark.parametrize(
    "place", [("jobs", "spec", "j2"), ("jobs", "specj", "1"), ("jobs", "spec")]
)
def test_opens_only_at_its_place(place: tuple[str, ...]) -> None:
    vault = Vault([NEW])
    with pytest.raises(CannotUnseal, match="does not open"):
        vault.unseal(vault.seal(b"hush", *PLACE), *place)


@pytest.mark.parametrize("index", [0, 3, 12, 25, -1])
def test_a_changed_one_does_not_open(index: int) -> None:
    vault = Vault([NEW])
    sealed = bytearray(vault.seal(b"hush", *PLACE))
    sealed[index] ^= 1
    with pytest.raises(CannotUnseal, match="jobs spec j1"):
        vault.unseal(bytes(sealed), *PLACE)


@pytest.mark.parametrize("length", [0, 1, 9, 21, 30])
def test_a_short_one_does_not_open(length: int) -> None:
    vault = Vault([NEW])
    with pytest.raises(CannotUnseal):
        vault.unseal(vault.seal(b"hush", *PLACE)[:length], *PLACE)


def test_keys_change_one_after_the_other() -> None:
    before = Vault([OLD]).seal(b"hush", *PLACE)
    both = Vault([NEW, OLD])
    assert both.unseal(before, *PLACE) == b"hush"
    assert not both.is_current(before)
    after = both.seal(b"hush", *PLACE)
    assert both.is_current(after)
    assert Vault([NEW]).unseal(after, *PLACE) == b"hush"
    with pytest.raises(CannotUnseal, match="by a key that is not here") as raised:
        Vault([NEW]).unseal(before, *PLACE)
    assert "the key it was written with" in str(raised.value.remedy)


def test_errors_tell_no_key() -> None:
    with pytest.raises(CannotUnseal) as raised:
        Vault([NEW]).unseal(Vault([OLD]).seal(b"hush", *PLACE), *PLACE)
    told = f"{raised.value} {raised.value.details} {raised.value.remedy}"
    assert OLD.hex() not in told
    assert "hush" not in told


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b""]])
def test_keys_of_another_length_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(InvalidInput, match="32 bytes"):
        Vault(keys)


class TestKeyFile:
    def test_is_made_once_for_us_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "vault.key"
        sealed = Vault.open(path).seal(b"hush", *PLACE)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert Vault.open(path).unseal(sealed, *PLACE) == b"hush"
        assert list(tmp_path.iterdir()) == [path]

    def test_is_the_same_for_all_who_start_at_once(self, tmp_path: Path) -> None:
        barrier = threading.Barrier(8)
        sealed: list[bytes] = []

        def start() -> None:
            barrier.wait()
            sealed.append(Vault.open(tmp_path / "vault.key").seal(b"hush", *PLACE))

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        vault = Vault.open(tmp_path / "vault.key")
        assert [vault.unseal(one, *PLACE) for one in sealed] == [b"hush"] * 8

    def test_holds_several_keys_and_remarks(self, tmp_path: Path) -> None:
        path = tmp_path / "vault.key"
        sealed = Vault.open(path).seal(b"hush", *PLACE)
        path.write_text(f"# since today\n{generate_key()}\n\n{path.read_text()}")
        vault = Vault.open(path)
        assert vault.unseal(sealed, *PLACE) == b"hush"
        assert not vault.is_current(sealed)

    @pytest.mark.parametrize("text", ["short\n", "ü\n", "QUJD\n", "!" * 44])
    def test_what_is_no_key_is_said_with_the_file(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "vault.key"
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(InvalidInput, match="a line is not a key") as raised:
            Vault.open(path)
        assert str(path) in str(raised.value)
        assert text.strip() not in str(raised.value)

    def test_must_not_be_readable_by_others(self, tmp_path: Path) -> None:
        path = tmp_path / "vault.key"
        Vault.open(path)
        path.chmod(0o640)
        with pytest.raises(HostCannot, match="others may read") as raised:
            Vault.open(path)
        assert raised.value.remedy == f"chmod 600 {path}"
