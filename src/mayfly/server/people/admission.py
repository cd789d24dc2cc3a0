"""Whether somebody whom a provider vouches for gets in, and as whom: pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mayfly.server.refusals import Forbidden
from mayfly.services.sign_in import Identity, ProviderSettings
from mayfly.store.people import UserRow

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")
_LONGEST = 39


@dataclass(frozen=True, slots=True)
class Admitted:
    """As `user`; `new` if there is no such user yet, `linked` if the identity must be noted."""

    user: str
    new: bool = False
    linked: bool = False


def admitted(
    identity: Identity,
    provider: ProviderSettings,
    known: UserRow | None,
    invited: UserRow | None,
    is_taken: Callable[[str], bool],
    *,
    has_invitation: bool = False,
) -> Admitted:
    """`known` came before, `invited` has the same address; an invitation is to a project.

    Raises Forbidden.
    """
    if known is not None:
        _refuse_disabled(known)
        return Admitted(known.id)
    if invited is not None:
        _refuse_disabled(invited)
        return Admitted(invited.id, linked=True)
    if not has_invitation and not may_sign_up(identity, provider):
        raise Forbidden(
            f"{identity.name} is not known here",
            remedy="ask an administrator of this server for an invitation",
        )
    return Admitted(free_name(identity.name, is_taken), new=True, linked=True)


def may_sign_up(identity: Identity, provider: ProviderSettings) -> bool:
    domain = (identity.email or "").rpartition("@")[2].lower()
    in_domain = domain in {one.lower() for one in provider.domains}
    groups = {one.lower() for one in identity.groups}
    in_group = bool(groups & {one.lower() for one in provider.groups})
    anyone = not provider.domains and not provider.groups
    return provider.sign_up and (anyone or in_domain or in_group)


def free_name(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """A user name like what the provider calls them; never one that somebody has."""
    base = _NOT_IN_A_NAME.sub("-", wanted.partition("@")[0].lower()).strip("-._")[:_LONGEST]
    name, number = base or "user", 1
    while is_taken(name):
        number += 1
        name = f"{base or 'user'}-{number}"
    return name


def _refuse_disabled(user: UserRow) -> None:
    if user.disabled:
        raise Forbidden(f"user {user.id} is disabled", remedy="ask an administrator of this server")
