"""Errors as pages, for browsers; everything else gets them as the API says them."""

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from mayfly.server.api.access import Asking, noted, who_asks
from mayfly.server.api.state import services_of
from mayfly.server.problems import Problem, as_json
from mayfly.server.web.pages import page
from mayfly.store.base import StoreUnavailable

_NOT_PAGES = ("/api/", "/agent/", "/webhooks/", "/healthz", "/readyz", "/metrics")
_SIGN_IN = "/api/v1/sign-in/"
"""Where providers send people back to."""

_TITLES = {
    401: "Sign in",
    403: "Not yours to do",
    404: "Not there",
    409: "Not as things stand",
    422: "Not understood",
    429: "Too often",
    500: "A defect of ours",
    503: "Away for a moment",
}


async def shown(request: Request, problem: Problem) -> Response:
    """See `server.problems.Shown`. Who is not signed in goes to the sign-in page and comes back."""
    if not _wants_page(request):
        return await as_json(request, problem)
    if problem.status == HTTPStatus.UNAUTHORIZED and request.method == "GET":
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?{urlencode({'to': here})}", HTTPStatus.SEE_OTHER)
    title = _TITLES.get(problem.status) or HTTPStatus(problem.status).phrase
    html = page(
        request,
        await _asking(request, problem),
        "error.html",
        title=title,
        now=services_of(request).now(),
        problem=problem,
    )
    return HTMLResponse(html, problem.status, dict(problem.headers or {}))


async def _asking(request: Request, problem: Problem) -> Asking | None:
    """None if that is not known: what went wrong here may be the very store that knows it."""
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return noted(request)
    try:
        return await who_asks(request)
    except StoreUnavailable:
        return None


def _wants_page(request: Request) -> bool:
    accepts, path = request.headers.get("accept", ""), request.url.path
    is_page = path.startswith(_SIGN_IN) or not path.startswith(_NOT_PAGES)
    return "text/html" in accepts and is_page
