"""Every right, one by one: who may do what, with which token."""

import itertools

import pytest

from mayfly.server.people.roles import (
    ALL_SCOPES,
    RULES,
    Action,
    Actor,
    Level,
    Subject,
    allowed,
)
from mayfly.store.people import Role, Scope

HERE, ELSEWHERE = "acme/site", "acme/other"
PRIVATE, PUBLIC = Subject(HERE), Subject(HERE, public=True)

NOBODY = Actor()
STRANGER = Actor("stranger", scopes=ALL_SCOPES)
VIEWER = Actor("v", roles={HERE: Role.VIEWER}, scopes=ALL_SCOPES)
MAINTAINER = Actor("m", roles={HERE: Role.MAINTAINER}, scopes=ALL_SCOPES)
ADMIN = Actor("a", roles={HERE: Role.ADMIN}, scopes=ALL_SCOPES)
ROOT = Actor("root", site_admin=True, scopes=ALL_SCOPES)
PEOPLE = (NOBODY, STRANGER, VIEWER, MAINTAINER, ADMIN, ROOT)
NAMES = ("nobody", "stranger", "viewer", "maintainer", "admin", "root")

# Who is the least that may, in a project that is not public; the last word of this table.
LEAST = {
    "nobody": {Action.LOOK, Action.SIGN_IN},
    "stranger": {
        Action.SELF_READ,
        Action.SELF_SIGN_OUT,
        Action.TOKEN_READ,
        Action.TOKEN_WRITE,
        Action.HOST_READ,
    },
    "viewer": {
        Action.PROJECT_READ,
        Action.MEMBER_READ,
        Action.VARIABLE_READ,
        Action.ENVIRONMENT_READ,
        Action.RUN_READ,
        Action.REVIEW_READ,
        Action.REVIEW_DECIDE,
        Action.INSIGHT_READ,
    },
    "maintainer": {
        Action.SECRET_READ,
        Action.SECRET_WRITE,
        Action.VARIABLE_WRITE,
        Action.RUN_START,
        Action.RUN_CANCEL,
        Action.RUN_RETRY,
        Action.BLOB_WRITE,
    },
    "admin": {
        Action.PROJECT_UPDATE,
        Action.MEMBER_WRITE,
        Action.INVITATION_READ,
        Action.INVITATION_WRITE,
        Action.ENVIRONMENT_WRITE,
        Action.PROJECT_AUDIT_READ,
    },
    "root": {
        Action.PROJECT_CREATE,
        Action.PROJECT_ALLOT,
        Action.HOST_MANAGE,
        Action.HOST_ENROL,
        Action.USER_READ,
        Action.USER_WRITE,
        Action.AUDIT_READ,
        Action.METRICS_READ,
        Action.FORGE_MANAGE,
    },
}


def rank(action: Action) -> int:
    [found] = [NAMES.index(name) for name, actions in LEAST.items() if action in actions]
    return found


@pytest.mark.parametrize("action", Action)
def test_an_action_is_open_from_one_kind_of_person_on(action: Action) -> None:
    may = [allowed(actor, action, PRIVATE) for actor in PEOPLE]
    assert may == [index >= rank(action) for index in range(len(PEOPLE))]


@pytest.mark.parametrize("action", Action)
def test_a_public_project_may_be_looked_at_by_anyone_and_no_more(action: Action) -> None:
    looks = action in {Action.PROJECT_READ, Action.RUN_READ}
    assert allowed(NOBODY, action, PUBLIC) == (looks or rank(action) == 0)


@pytest.mark.parametrize("action", Action)
def test_a_token_needs_the_scope_too(action: Action) -> None:
    scope = RULES[action].scope
    for given in Scope:
        actor = Actor("root", site_admin=True, scopes=frozenset({given}))
        enough = list(Scope).index(given) >= list(Scope).index(scope)
        anyone = RULES[action].level is Level.ANYONE
        assert allowed(actor, action, PRIVATE) == (enough or anyone)


@pytest.mark.parametrize("action", Action)
def test_a_token_without_scopes_is_as_good_as_none(action: Action) -> None:
    actor = Actor("root", site_admin=True)
    assert allowed(actor, action, PRIVATE) == allowed(NOBODY, action, PRIVATE)


@pytest.mark.parametrize("action", sorted(set(Action) - {Action.BLOB_WRITE}))
def test_a_role_counts_in_its_project_only(action: Action) -> None:
    other = Subject(ELSEWHERE)
    for actor in (VIEWER, MAINTAINER, ADMIN):
        assert allowed(actor, action, other) == allowed(STRANGER, action, other)


@pytest.mark.parametrize(("action", "actor"), list(itertools.product(Action, (ADMIN, ROOT))))
def test_a_token_for_one_project_is_of_no_use_elsewhere(action: Action, actor: Actor) -> None:
    narrow = Actor(actor.user, actor.site_admin, actor.roles, actor.scopes, only_project=HERE)
    if RULES[action].level is Level.SITE_ADMIN:
        assert not allowed(narrow, action, PRIVATE)
    elif RULES[action].level > Level.USER and not RULES[action].somewhere:
        assert allowed(narrow, action, PRIVATE) == allowed(actor, action, PRIVATE)
        assert not allowed(narrow, action, Subject(ELSEWHERE))


def test_what_concerns_a_project_needs_one() -> None:
    assert not allowed(ROOT, Action.RUN_CANCEL)


def test_each_action_has_a_rule() -> None:
    assert set(RULES) == set(Action)
