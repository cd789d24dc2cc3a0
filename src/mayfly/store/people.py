"""People, what they may do, what opens doors to them, and what they did: rows as in `store.rows`.

Nothing here can be turned back into a token or a session: only hashes are kept. Users are never
removed but disabled, so that a name in an audit or among reviewers always means the same person.
"""

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

from mayfly.store.rows import indexed, sealed


class Role(enum.StrEnum):
    """What a member may do in a project; each may do what the one before may."""

    VIEWER = "viewer"
    MAINTAINER = "maintainer"
    ADMIN = "admin"


class Scope(enum.StrEnum):
    """What a token may be used for; each includes the one before."""

    READ = "read"
    RUN = "run"
    MANAGE = "manage"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """A person or a robot; `id` is the name, in lower case. `site_admin` may do everything.

    `email` is where an invitation went: who signs in with it, verified, for the first time is
    this user.
    """

    id: str
    created: float
    name: str = ""
    email: str | None = indexed(default=None)
    site_admin: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow:
    """Whom a provider of sign-in knows under a subject; `id` is `provider:subject`."""

    id: str
    user: str = indexed()
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """`id` is `project/user`."""

    id: str
    project: str = indexed()
    user: str = indexed()
    role: Role
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """An API token, by its hash; `project` narrows it to one. `used` is exact to some minutes."""

    id: str
    hash: str = indexed()
    user: str = indexed()
    name: str
    scopes: tuple[Scope, ...]
    project: str | None = None
    created: float
    expires: float | None = None
    used: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRow:
    """A web session; `id` is the hash of the cookie. One opened by a token ends with it."""

    id: str
    user: str = indexed()
    token: str | None = indexed(default=None)
    created: float
    until: float = indexed()
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRow:
    """A browser that was sent to a provider; `id` is the hash of the state it took along.

    `invitation` is the id of the one that the person showed, to be taken up when they come back.
    """

    id: str
    provider: str
    nonce: str
    verifier: str = sealed()
    destination: str = "/"
    invitation: str | None = None
    until: float = indexed()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow:
    """Leave to become a member, once, for who first shows the token that `hash` is of.

    With an `email` only for who signs in with that address, verified, who need not show it.
    """

    id: str
    hash: str = indexed()
    project: str = indexed()
    role: Role
    email: str | None = indexed(default=None)
    by: str
    created: float
    expires: float = indexed()


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """A bucket of what somebody may still try; `id` says what and who. Guarded updates only."""

    id: str
    left: float
    at: float
    until: float = indexed()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentRow:
    """A token by which one host may join; `id` is its hash, `used_by` the host that did.

    `labels` are given to the host besides those it asks for.
    """

    id: str
    created: float
    expires: float = indexed()
    by: str = ""
    labels: tuple[str, ...] = ()
    used_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRow:
    """`id` is `project/NAME`; the value leaves the server only in the specs of jobs.

    Of an environment it is `project/environment/NAME` in that's lower case; `environment` is its
    name in lower case, empty for what all jobs of the project get.
    """

    id: str
    project: str = indexed()
    environment: str = indexed(default="")
    name: str
    value: str = sealed()
    by: str = ""
    updated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRow:
    """`id` and `environment` as of a SecretRow."""

    id: str
    project: str = indexed()
    environment: str = indexed(default="")
    name: str
    value: str
    by: str = ""
    updated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Who did what, when, from where; `id` sorts by time.

    `actor` is a user, or `host:<id>`, or `system`; `via` the token or `web`. `details` never
    holds secret values.
    """

    id: str
    at: float = indexed()
    actor: str = indexed()
    action: str = indexed()
    project: str | None = indexed(default=None)
    target: str = ""
    via: str = ""
    address: str = ""
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


PEOPLE_ROWS: tuple[type[Any], ...] = (
    UserRow,
    IdentityRow,
    MemberRow,
    TokenRow,
    LoginRow,
    SignInRow,
    InvitationRow,
    RateRow,
    EnrolmentRow,
    SecretRow,
    VariableRow,
    AuditRow,
)
