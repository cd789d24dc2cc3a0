"""What can be done with an address, for OPTIONS and for methods that it does not know."""

from dataclasses import replace

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts

from mayfly.server.problems import Problem, Shown

_NOT_ALLOWED = 405


def methods_of(app: FastAPI, path: str) -> list[str]:
    """All that any route of that path takes."""
    methods = {"OPTIONS"}
    for route in iter_route_contexts(app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(path):
            methods |= route.methods or set()
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def told_methods(shown: Shown) -> Shown:
    """As `shown`, but OPTIONS is no problem, and a wrong method hears the right ones."""

    async def show(request: Request, problem: Problem) -> Response:
        if problem.status != _NOT_ALLOWED:
            return await shown(request, problem)
        allow = {"Allow": ", ".join(methods_of(request.app, request.url.path))}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        return await shown(request, replace(problem, headers=allow))

    return show
