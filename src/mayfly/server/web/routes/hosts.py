"""Hosts: all of them, one of them, and what site administrators do with them."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.server.api import hosts as api
from mayfly.server.api.access import Caller, may
from mayfly.server.people import projects
from mayfly.server.people.roles import Action, allowed
from mayfly.server.refusals import NotFound
from mayfly.server.web.forms import Words, asked, back_to, split
from mayfly.server.web.pages import Crumb, render
from mayfly.server.web.views import hosts as views
from mayfly.server.web.views.lists import address
from mayfly.server.web.views.load import count_hosts
from mayfly.store.base import View
from mayfly.store.rows import HostRow

router = APIRouter(prefix="/hosts")

_A_PAGE = 100
_HOUR_S = 3600.0

Manager = Annotated[Caller, may(Action.HOST_MANAGE)]


@router.get("")
async def show_all(
    request: Request,
    caller: Annotated[Caller, may(Action.HOST_READ)],
    after: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    return await _list(request, caller, after)


@router.post("")
async def enrol(
    request: Request,
    caller: Annotated[Caller, may(Action.HOST_ENROL)],
    labels: Words = "",
    hours: Annotated[float, Form(gt=0, le=168)] = 1.0,
) -> HTMLResponse:
    """Shows a token for a new host, once."""
    wanted = asked(api.NewEnrolment, labels=split(labels), ttl_s=hours * _HOUR_S)
    return await _list(request, caller, "", await api.create_enrolment(wanted, caller))


@router.get("/{host}")
async def show(
    host: api.HostPath, request: Request, caller: Annotated[Caller, may(Action.HOST_READ)]
) -> HTMLResponse:
    def find(view: View) -> tuple[views.Found, frozenset[str]]:
        row = view.get(HostRow, host)
        if row is None:
            raise NotFound(f"there is no host {host}")
        seen = frozenset(one.id for one in projects.visible(view, caller.actor))
        return views.find(view, row), seen

    found, visible = await caller.read(find)
    return render(
        request,
        caller,
        "host.html",
        title=host,
        crumbs=(Crumb("Hosts", "/hosts"),),
        view=views.host_page(found, visible),
        may_manage=allowed(caller.actor, Action.HOST_MANAGE),
    )


@router.post("/{host}/drain")
async def drain(host: api.HostPath, caller: Manager) -> RedirectResponse:
    await api.drain_host(host, caller)
    return back_to(f"/hosts/{host}")


@router.post("/{host}/undrain")
async def undrain(host: api.HostPath, caller: Manager) -> RedirectResponse:
    await api.undrain_host(host, caller)
    return back_to(f"/hosts/{host}")


@router.post("/{host}/release")
async def release(host: api.HostPath, caller: Manager) -> RedirectResponse:
    await api.release_host(host, caller)
    return back_to(f"/hosts/{host}")


@router.post("/{host}/over-commit")
async def over_commit(
    host: api.HostPath, caller: Manager, cpu_factor: Annotated[float, Form()]
) -> RedirectResponse:
    await api.change_host(host, asked(api.HostChange, cpu_factor=cpu_factor), caller)
    return back_to(f"/hosts/{host}")


@router.post("/{host}/remove")
async def remove(host: api.HostPath, caller: Manager) -> RedirectResponse:
    await api.remove_host(host, caller)
    return back_to("/hosts")


async def _list(
    request: Request, caller: Caller, after: str, enrolment: api.Enrolment | None = None
) -> HTMLResponse:
    def find(view: View) -> tuple[list[HostRow], tuple[views.ListedHost, ...], object]:
        rows, jobs = views.find_list(view, after, _A_PAGE)
        return rows, views.listed(rows[:_A_PAGE], jobs), count_hosts(view)

    rows, hosts, counts = await caller.read(find)
    return render(
        request,
        caller,
        "hosts.html",
        title="Hosts",
        hosts=hosts,
        counts=counts,
        older=address("/hosts", after=rows[_A_PAGE - 1].id) if len(rows) > _A_PAGE else None,
        may_enrol=allowed(caller.actor, Action.HOST_ENROL),
        enrolment=enrolment,
        base_url=caller.services.settings.base_url,
    )
