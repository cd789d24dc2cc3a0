"""Who gets in, and under which name."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.server.people.admission import Admitted, admitted, free_name, may_sign_up
from mayfly.server.people.sign_in import local_path
from mayfly.server.refusals import Forbidden
from mayfly.services.sign_in import Identity, ProviderSettings
from mayfly.store.people import UserRow

ANN = Identity("1", "Ann", email="ann@Example.org", groups=frozenset({"Staff"}))
KNOWN = UserRow(id="ann", created=0)
INVITED = UserRow(id="annie", created=0, email="ann@example.org")


def provider(**options: object) -> ProviderSettings:
    return ProviderSettings(id="p", title="P", client_id="", client_secret="", **options)  # type: ignore[arg-type]


def free(_name: str) -> bool:
    return False


def test_who_came_before_stays_the_same_whatever_else_is_true() -> None:
    assert admitted(ANN, provider(), KNOWN, INVITED, free) == Admitted("ann")


def test_who_was_invited_is_linked() -> None:
    assert admitted(ANN, provider(), None, INVITED, free) == Admitted("annie", linked=True)


def test_others_sign_up_or_stay_outside() -> None:
    new = Admitted("ann", new=True, linked=True)
    assert admitted(ANN, provider(sign_up=True), None, None, free) == new
    with pytest.raises(Forbidden, match="not known"):
        admitted(ANN, provider(), None, None, free)


def test_an_invitation_to_a_project_lets_in_whom_nobody_knows() -> None:
    new = Admitted("ann", new=True, linked=True)
    assert admitted(ANN, provider(), None, None, free, has_invitation=True) == new
    assert admitted(ANN, provider(), KNOWN, None, free, has_invitation=True) == Admitted("ann")
    with pytest.raises(Forbidden, match="disabled"):
        admitted(ANN, provider(), replace(KNOWN, disabled=True), None, free, has_invitation=True)


@pytest.mark.parametrize(
    ("options", "may"),
    [
        ({"sign_up": False, "domains": ("example.org",)}, False),
        ({"sign_up": True, "domains": ("EXAMPLE.org",)}, True),
        ({"sign_up": True, "domains": ("ample.org",)}, False),
        ({"sign_up": True, "groups": ("staff",)}, True),
        ({"sign_up": True, "groups": ("admins",)}, False),
        ({"sign_up": True, "domains": ("x.org",), "groups": ("staff",)}, True),
    ],
)
def test_a_provider_says_who_may_sign_up(options: dict[str, object], may: bool) -> None:
    assert may_sign_up(ANN, provider(**options)) is may


def test_without_a_verified_address_no_domain_is_theirs() -> None:
    nobody = Identity("1", "x@example.org")
    assert not may_sign_up(nobody, provider(sign_up=True, domains=("example.org", "")[:1]))


@pytest.mark.parametrize("row", [KNOWN, INVITED])
def test_who_is_disabled_stays_outside(row: UserRow) -> None:
    disabled = UserRow(id=row.id, created=0, disabled=True)
    known, invited = (disabled, None) if row is KNOWN else (None, disabled)
    with pytest.raises(Forbidden, match="disabled"):
        admitted(ANN, provider(sign_up=True), known, invited, free)


@given(st.text(), st.sets(st.sampled_from(["ann", "ann-2", "user", "user-2"])))
def test_a_name_is_plain_and_nobodys(wanted: str, taken: set[str]) -> None:
    name = free_name(wanted, taken.__contains__)
    assert name not in taken
    assert 0 < len(name) <= 45
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
    assert name[0] not in "._-"


def test_a_taken_name_gets_a_number() -> None:
    assert free_name("Ann", {"ann", "ann-2"}.__contains__) == "ann-3"
    assert free_name("ann.b@example.org", set[str]().__contains__) == "ann.b"


@given(st.text())
def test_one_is_never_sent_elsewhere(destination: str) -> None:
    path = local_path(destination)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert path in {destination, "/"}
