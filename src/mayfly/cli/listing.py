"""`mayfly runs`, `jobs`, `hosts`: what goes on in the fleet."""

from typing import Annotated, Any

import typer

from mayfly.cli import arguments
from mayfly.cli.asking import (
    Server,
    ago,
    all_pages,
    ask,
    put_json,
    put_table,
    state_text,
)
from mayfly.cli.words import duration, size

_MIB = 1024 * 1024
_RUNNING = ("assigned", "starting", "running")
_ACTIVE = ("blocked", "queued", *_RUNNING)

Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="OWNER/NAME",
        help="Only of this one.",
        show_default=False,
        callback=arguments.project_name,
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="How many at most.")]
All = Annotated[bool, typer.Option("--all", "-a", help="Those that have ended, too.")]
OnHost = Annotated[
    str | None,
    typer.Option("--host", metavar="HOST", help="Only on this one.", show_default=False),
]


def runs(
    server: Server = None,
    *,
    project: Project = None,
    limit: Limit = 30,
    json: arguments.Json = False,
) -> None:
    """Runs, the latest first."""
    found = ask(server, lambda client: all_pages(client, "/runs", limit, project=project))
    if json:
        put_json(found)
        return
    rows = [
        (
            run["id"],
            run["project"],
            f"{run['name']} #{run['number']}",
            run["branch"],
            run["conclusion"] or "running",
            run["actor"],
            ago(run["created"]),
        )
        for run in found
    ]
    columns = ("run", "project", "name", "branch", "result", "by", "started")
    put_table(columns, rows, "no runs yet: mayfly run --server URL starts one")


def jobs(
    server: Server = None,
    *,
    project: Project = None,
    host: OnHost = None,
    all_: All = False,
    limit: Limit = 50,
    json: arguments.Json = False,
) -> None:
    """Jobs that wait or run, and why they wait."""
    states = None if all_ else list(_ACTIVE)
    found = ask(
        server,
        lambda client: all_pages(client, "/jobs", limit, project=project, host=host, state=states),
    )
    if json:
        put_json(found)
        return
    rows = [
        (
            job["id"],
            job["project"],
            job["name"],
            state_text(job["state"]),
            job["size"]["label"] if job["size"] else "",
            job["host"] or "",
            _since(job),
            job["why"] or "",
        )
        for job in found
    ]
    columns = ("job", "project", "name", "state", "size", "host", "for", "why")
    put_table(columns, rows, "nothing waits and nothing runs")


def hosts(server: Server = None, *, json: arguments.Json = False) -> None:
    """Hosts, and how much of each is in use."""
    found = ask(server, lambda client: client.get("/hosts"))
    if json:
        put_json(found)
        return
    rows = [
        (
            host["id"],
            _condition(host),
            ", ".join(host["architectures"]),
            f"{host['used_millicpu'] / 1000:g} of {host['millicpu'] * host['cpu_factor'] / 1000:g}",
            f"{size(host['used_memory_mib'] * _MIB)} of {size(host['memory_mib'] * _MIB)}",
            str(host["running"]),
            ", ".join(host["labels"]),
        )
        for host in found
    ]
    columns = ("host", "state", "runs", "vCPU", "memory", "jobs", "labels")
    nothing = "no hosts yet: mayfly agent enroll, on each; mayfly agent token makes its token"
    put_table(columns, rows, nothing)


def _since(job: dict[str, Any]) -> str:
    """How long it has been as it is."""
    import time

    moments = ("started_at", "claimed_at", "queued_at", "created")
    began = next(job[name] for name in moments if job[name] is not None)
    if job["finished_at"] is not None:
        return duration(job["finished_at"] - began)
    return duration(max(0.0, time.time() - began))


def _condition(host: dict[str, Any]) -> str:
    if host["quarantined"]:
        return "quarantined"
    if host["draining"]:
        return "draining"
    return "online" if host["online"] else "offline"
