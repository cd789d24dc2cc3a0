"""Who may do what: one table, one pure question.

A right has two sides: what the person may do (their role in the project, or site admin), and what
the token they show may be used for (its scope). Both must allow an action.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from mayfly.store.people import Role, Scope

_ROLES = tuple(Role)
_SCOPES = tuple(Scope)
ALL_SCOPES = frozenset(Scope)


class Level(enum.IntEnum):
    """Whom an action is open to. From VIEWER on it is asked of a project, and site admins may."""

    ANYONE = 0
    USER = 1
    PUBLIC = 2
    """Viewers; of a public project, anyone."""
    VIEWER = 3
    MAINTAINER = 4
    PROJECT_ADMIN = 5
    SITE_ADMIN = 6


class Action(enum.StrEnum):
    """What can be done; every route declares one."""

    LOOK = "look"
    SIGN_IN = "sign-in"
    SELF_READ = "self.read"
    SELF_SIGN_OUT = "self.sign-out"
    TOKEN_READ = "token.read"  # noqa: S105 - a name, not a token
    TOKEN_WRITE = "token.write"  # noqa: S105
    PROJECT_READ = "project.read"
    PROJECT_CREATE = "project.create"
    PROJECT_UPDATE = "project.update"
    PROJECT_ALLOT = "project.allot"
    MEMBER_READ = "member.read"
    MEMBER_WRITE = "member.write"
    INVITATION_READ = "invitation.read"
    INVITATION_WRITE = "invitation.write"
    SECRET_READ = "secret.read"  # noqa: S105 - names only, never values
    SECRET_WRITE = "secret.write"  # noqa: S105
    VARIABLE_READ = "variable.read"
    VARIABLE_WRITE = "variable.write"
    ENVIRONMENT_READ = "environment.read"
    ENVIRONMENT_WRITE = "environment.write"
    RUN_READ = "run.read"
    RUN_START = "run.start"
    RUN_CANCEL = "run.cancel"
    RUN_RETRY = "run.retry"
    BLOB_WRITE = "blob.write"
    REVIEW_READ = "review.read"
    REVIEW_DECIDE = "review.decide"
    INSIGHT_READ = "insight.read"
    HOST_READ = "host.read"
    HOST_MANAGE = "host.manage"
    HOST_ENROL = "host.enrol"
    USER_READ = "user.read"
    USER_WRITE = "user.write"
    AUDIT_READ = "audit.read"
    PROJECT_AUDIT_READ = "project.audit.read"
    METRICS_READ = "metrics.read"
    FORGE_MANAGE = "forge.manage"


@dataclass(frozen=True, slots=True)
class Rule:
    """`somewhere`: it is enough to be that in any project, as the action concerns none of them."""

    level: Level
    scope: Scope
    somewhere: bool = False


RULES: Mapping[Action, Rule] = {
    Action.LOOK: Rule(Level.ANYONE, Scope.READ),
    Action.SIGN_IN: Rule(Level.ANYONE, Scope.READ),
    Action.SELF_READ: Rule(Level.USER, Scope.READ),
    Action.SELF_SIGN_OUT: Rule(Level.USER, Scope.READ),
    Action.TOKEN_READ: Rule(Level.USER, Scope.ADMIN),
    Action.TOKEN_WRITE: Rule(Level.USER, Scope.ADMIN),
    Action.PROJECT_READ: Rule(Level.PUBLIC, Scope.READ),
    Action.PROJECT_CREATE: Rule(Level.SITE_ADMIN, Scope.ADMIN),
    Action.PROJECT_UPDATE: Rule(Level.PROJECT_ADMIN, Scope.ADMIN),
    Action.PROJECT_ALLOT: Rule(Level.SITE_ADMIN, Scope.ADMIN),
    Action.MEMBER_READ: Rule(Level.VIEWER, Scope.READ),
    Action.MEMBER_WRITE: Rule(Level.PROJECT_ADMIN, Scope.ADMIN),
    Action.INVITATION_READ: Rule(Level.PROJECT_ADMIN, Scope.READ),
    Action.INVITATION_WRITE: Rule(Level.PROJECT_ADMIN, Scope.ADMIN),
    Action.SECRET_READ: Rule(Level.MAINTAINER, Scope.MANAGE),
    Action.SECRET_WRITE: Rule(Level.MAINTAINER, Scope.MANAGE),
    Action.VARIABLE_READ: Rule(Level.VIEWER, Scope.READ),
    Action.VARIABLE_WRITE: Rule(Level.MAINTAINER, Scope.MANAGE),
    Action.ENVIRONMENT_READ: Rule(Level.VIEWER, Scope.READ),
    Action.ENVIRONMENT_WRITE: Rule(Level.PROJECT_ADMIN, Scope.ADMIN),
    Action.RUN_READ: Rule(Level.PUBLIC, Scope.READ),
    Action.RUN_START: Rule(Level.MAINTAINER, Scope.RUN),
    Action.RUN_CANCEL: Rule(Level.MAINTAINER, Scope.RUN),
    Action.RUN_RETRY: Rule(Level.MAINTAINER, Scope.RUN),
    Action.BLOB_WRITE: Rule(Level.MAINTAINER, Scope.RUN, somewhere=True),
    Action.REVIEW_READ: Rule(Level.VIEWER, Scope.READ),
    Action.REVIEW_DECIDE: Rule(Level.VIEWER, Scope.MANAGE),
    Action.INSIGHT_READ: Rule(Level.VIEWER, Scope.READ),
    Action.HOST_READ: Rule(Level.USER, Scope.READ),
    Action.HOST_MANAGE: Rule(Level.SITE_ADMIN, Scope.MANAGE),
    Action.HOST_ENROL: Rule(Level.SITE_ADMIN, Scope.ADMIN),
    Action.USER_READ: Rule(Level.SITE_ADMIN, Scope.READ),
    Action.USER_WRITE: Rule(Level.SITE_ADMIN, Scope.ADMIN),
    Action.AUDIT_READ: Rule(Level.SITE_ADMIN, Scope.READ),
    Action.PROJECT_AUDIT_READ: Rule(Level.PROJECT_ADMIN, Scope.READ),
    Action.METRICS_READ: Rule(Level.SITE_ADMIN, Scope.READ),
    Action.FORGE_MANAGE: Rule(Level.SITE_ADMIN, Scope.ADMIN),
}

_ROLE_OF = {
    Level.PUBLIC: Role.VIEWER,
    Level.VIEWER: Role.VIEWER,
    Level.MAINTAINER: Role.MAINTAINER,
    Level.PROJECT_ADMIN: Role.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and by what right. `user` is None for somebody who showed nothing.

    `only_project` narrows a token to one project: then site-wide rights are not had. `via` is the
    token's id or `web`; `address` is where the request came from.
    """

    user: str | None = None
    site_admin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)
    scopes: frozenset[Scope] = frozenset()
    only_project: str | None = None
    via: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The project that an action concerns."""

    project: str
    public: bool = False


def allowed(actor: Actor, action: Action, subject: Subject | None = None) -> bool:
    """Whether the actor may. Actions from PUBLIC to PROJECT_ADMIN need a subject to be allowed."""
    rule = RULES[action]
    if rule.level is Level.ANYONE:
        return True
    if rule.level is Level.PUBLIC and subject is not None and subject.public:
        return True
    if actor.user is None or not includes(actor.scopes, rule.scope):
        return False
    if rule.level is Level.USER:
        return True
    if rule.level is Level.SITE_ADMIN:
        return actor.site_admin and actor.only_project is None
    return _has_role(actor, rule, subject)


def includes(scopes: frozenset[Scope], wanted: Scope) -> bool:
    """Whether one of the scopes is at least the wanted one."""
    return any(_SCOPES.index(scope) >= _SCOPES.index(wanted) for scope in scopes)


def at_least(role: Role | None, wanted: Role) -> bool:
    return role is not None and _ROLES.index(role) >= _ROLES.index(wanted)


def sees_all(actor: Actor) -> bool:
    """Whether lists over all projects need no filter."""
    return actor.site_admin and actor.only_project is None and includes(actor.scopes, Scope.READ)


def _has_role(actor: Actor, rule: Rule, subject: Subject | None) -> bool:
    wanted = _ROLE_OF[rule.level]
    if rule.somewhere:
        return actor.site_admin or any(
            at_least(role, wanted)
            for project, role in actor.roles.items()
            if actor.only_project in {None, project}
        )
    if subject is None or actor.only_project not in {None, subject.project}:
        return False
    return actor.site_admin or at_least(actor.roles.get(subject.project), wanted)
