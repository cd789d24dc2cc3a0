"""Every route asks for its right: whoever lacks it is refused, whoever has it is not."""

import pytest
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from tests.server.api.fleet_of_one import TWO_JOBS as TEXT
from tests.server.api.fleet_of_one import Host, submitted
from tests.server.api.site import PROJECT, Site, made

from mayfly.server.api.description import action_of
from mayfly.server.app import make_app
from mayfly.server.people.roles import Action, Actor, Subject, allowed
from mayfly.store.people import Role, Scope
from mayfly.store.rows import JobRow

# Neither asks anything, nor tells anything but what is in the source.
WITHOUT_GATE = {"/healthz", "/api/v1/openapi.json"}
# What follows the gate there refuses for other reasons in these words too.
REFUSES_BESIDES = {"/api/v1/sign-in/{provider}/callback", "/api/v1/session"}
APP = make_app(Site().services)
PEOPLE = [None, "stranger", "viewer", "maintainer", "admin", "root"]


def routes() -> list[RouteContext]:
    return [route for route in iter_route_contexts(APP.routes) if route.path]


def gated() -> list[tuple[str, str, Action]]:
    found = []
    for route in routes():
        if isinstance(route.original_route, APIRoute) and route.path not in WITHOUT_GATE:
            action = action_of(route)
            assert action is not None
            for method in route.methods or ():
                found.append((method, str(route.path), action))
    return found


def test_each_route_declares_its_action() -> None:
    for route in routes():
        if route.path in WITHOUT_GATE:
            continue
        assert action_of(route) is not None, f"{route.methods} {route.path} declares no action"


def test_what_changes_something_asks_for_more_than_a_right_to_look() -> None:
    for method, path, action in gated():
        reads = action is Action.LOOK or action.endswith(".read")
        assert method == "GET" or not reads, f"{method} {path} does {action}"


async def world() -> tuple[Site, dict[str, str]]:
    site = await made(app=APP)
    submission = await submitted(site, TEXT)
    [run] = submission.runs
    await (await Host(site).open()).run_all()
    [job, *_] = await site.rows(JobRow)
    names = {"owner": "acme", "name": "site", "run": run, "job": job.id}
    names |= {"user": "viewer", "variable": "NAME", "environment": "production"}
    names |= {"host": "h1", "submission": submission.id}
    names |= {"provider": "none", "token": "none", "digest": "0" * 64}
    names |= {"invitation": "none"}
    names |= {"image": "default", "architecture": "amd64"}
    return site, names


@pytest.mark.parametrize(("method", "path", "action"), gated())
async def test_a_route_is_refused_without_its_right(method: str, path: str, action: Action) -> None:
    site, names = await world()
    concerned = {"{owner}", "{run}", "{job}", "{submission}"} & set(path.split("/"))
    subject = Subject(PROJECT) if concerned else None
    for person in PEOPLE:
        async with site.client(person) as client:
            answer = await client.request(method, path.format(**names), json={})
        may = allowed(actor(person), action, subject)
        refused = answer.status_code in ({401, 406} if person is None else {403, 404, 406})
        if not may:
            assert refused, f"{person}: {method} {path} answered {answer.status_code}"
            assert "error" in answer.json()
        elif path not in REFUSES_BESIDES:
            assert answer.status_code not in {401, 403}, f"{person}: {answer.text}"
        assert answer.status_code != 500


@pytest.mark.parametrize("action", ["/runs/{run}", "/jobs/{job}", "/projects/{owner}/{name}"])
async def test_what_one_may_not_see_is_as_if_it_were_not_there(action: str) -> None:
    site, names = await world()
    async with site.client("stranger") as client:
        hidden = await client.get("/api/v1" + action.format(**names))
        missing = await client.get("/api/v1" + action.format_map(dict.fromkeys(names, "no")))
    assert hidden.status_code == missing.status_code == 404


async def test_a_token_for_reading_changes_nothing() -> None:
    site, names = await world()
    site.tokens["reader"] = await site.token("root", [Scope.READ])
    for method, path, action in gated():
        if method != "GET" and action not in {Action.SIGN_IN, Action.SELF_SIGN_OUT}:
            async with site.client("reader") as client:
                answer = await client.request(method, path.format(**names), json={})
            assert answer.status_code == 403, f"{method} {path}"
            assert "scope" in answer.json()["remedy"]


def actor(person: str | None) -> Actor:
    if person is None:
        return Actor()
    roles = {PROJECT: Role(person)} if person in set(Role) else {}
    return Actor(person, person == "root", roles, frozenset(Scope))
