"""The OpenAPI document: what the framework knows of the routes, and what it cannot know.

Which right each takes (from its gate), how one shows who one is, and what problems look like.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from mayfly.server.api.access import Gate
from mayfly.server.api.said import Problem
from mayfly.server.people.roles import RULES, Action, Level

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, `mayfly_…`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "mayfly",
        "description": "A web session; changes need the header X-CSRF-Token too",
    },
}
_WHO = {
    Level.USER: "Any user.",
    Level.PUBLIC: "Viewers of the project; of a public one, anyone.",
    Level.VIEWER: "Viewers of the project.",
    Level.MAINTAINER: "Maintainers of the project.",
    Level.PROJECT_ADMIN: "Administrators of the project.",
    Level.SITE_ADMIN: "Site administrators.",
}


def describe(app: FastAPI) -> None:
    """From now on `app.openapi()`, and the route that serves it, have all of it."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(FastAPI.openapi(app))
            _complete(app, made)
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def action_of(route: RouteContext) -> Action | None:
    """What the route's gate asks for; None for what has no gate. One with two is a mistake."""
    if not isinstance(route.original_route, APIRoute):
        return None
    actions = {gate.action for gate in _gates(route.dependant)}
    if len(actions) > 1:
        raise TypeError(f"{route.path} declares several actions: {sorted(actions)}")
    return actions.pop() if actions else None


def _complete(app: FastAPI, document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = _SCHEMES
    for route in iter_route_contexts(app.routes):
        action = action_of(route)
        if action is None:
            continue
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _add_right(operation, action)


def _add_right(operation: dict[str, Any], action: Action) -> None:
    rule = RULES[action]
    shown: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]
    operation["x-mayfly-action"] = action.value
    if rule.level is Level.ANYONE:
        operation["security"] = [{}, *shown]
        return
    operation["security"] = [*([{}] if rule.level is Level.PUBLIC else []), *shown]
    words = f"*{_WHO[rule.level]} Scope: {rule.scope}.*"
    operation["description"] = "\n\n".join(filter(None, [operation.get("description"), words]))


def _gates(dependant: Dependant) -> list[Gate]:
    own = [dependant.call] if isinstance(dependant.call, Gate) else []
    return own + [gate for one in dependant.dependencies for gate in _gates(one)]
