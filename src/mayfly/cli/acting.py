"""`mayfly cancel`, `retry`, `approve`, `drain`, `undrain`: changes, each checked and audited."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mayfly.cli.asking import Server, ask
from mayfly.cli.terminal import put
from mayfly.domain.errors import InvalidInput

if TYPE_CHECKING:
    from mayfly.cli.client import Client  # httpx takes long to import

RunOrJob = Annotated[str, typer.Argument(metavar="RUN|JOB", help="An id of `runs` or `jobs`.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="An id of `mayfly runs`.")]
Host = Annotated[str, typer.Argument(metavar="HOST", help="A name of `mayfly hosts`.")]
Force = Annotated[bool, typer.Option("--force", help="Not even jobs under always() run.")]
Whole = Annotated[bool, typer.Option("--whole", help="Jobs that succeeded, too.")]
Reject = Annotated[bool, typer.Option("--reject", help="Refuse it instead.")]
Environment = Annotated[
    str | None,
    typer.Option(
        "--environment",
        "-e",
        metavar="NAME",
        help="Which one, if the run waits for several.",
        show_default=False,
    ),
]
Comment = Annotated[
    str, typer.Option("--comment", "-m", metavar="TEXT", help="Kept with it.", show_default=False)
]


def cancel(what: RunOrJob, server: Server = None, *, force: Force = False) -> None:
    """Cancel a run or a job. Its machines end as soon as their jobs let them."""

    async def act(client: "Client") -> str:
        kind, known = await _find(client, what)
        await client.post(f"/{kind}/{what}/cancel", {"force": force} if kind == "runs" else None)
        return f"cancelling {known['name']}"

    put(ask(server, act))


def retry(run: Run, server: Server = None, *, whole: Whole = False) -> None:
    """Run it again: what failed and what follows it, or all of it."""

    async def act(client: "Client") -> str:
        made = await client.post(f"/runs/{run}/retry", {"failed_only": not whole})
        return f"{made['name']} #{made['number']}, attempt {made['attempt']}: {made['id']}"

    put(ask(server, act))


def approve(
    run: Run,
    server: Server = None,
    *,
    environment: Environment = None,
    reject: Reject = False,
    comment: Comment = "",
) -> None:
    """Let a run use an environment it waits for, as one of its reviewers."""

    async def act(client: "Client") -> str:
        name = environment or _only(run, await client.get(f"/runs/{run}/reviews"))
        decision = {"environment": name, "approve": not reject, "comment": comment}
        await client.post(f"/runs/{run}/reviews", decision)
        return f"{'rejected' if reject else 'approved'}: {name}"

    put(ask(server, act))


def drain(host: Host, server: Server = None) -> None:
    """Give a host nothing more; it ends what it runs."""
    ask(server, lambda client: client.post(f"/hosts/{host}/drain"))
    put(f"{host} gets no more jobs")


def undrain(host: Host, server: Server = None) -> None:
    """Give a host jobs again; also one that was in quarantine."""

    async def act(client: "Client") -> None:
        known = await client.get(f"/hosts/{host}")
        await client.post(f"/hosts/{host}/undrain")
        if known["quarantined"]:
            await client.post(f"/hosts/{host}/release")

    ask(server, act)
    put(f"{host} gets jobs again")


async def _find(client: "Client", what: str) -> tuple[str, dict[str, Any]]:
    """A job's id is its run's and more."""
    kind = "jobs" if "-" in what else "runs"
    found: dict[str, Any] = await client.get(f"/{kind}/{what}")
    return kind, found


def _only(run: str, reviews: list[dict[str, Any]]) -> str:
    waiting = [review["environment"] for review in reviews if review["approved"] is None]
    if not waiting:
        raise InvalidInput(
            f"run {run} waits for no approval", remedy="mayfly jobs says what each job waits for"
        )
    if len(waiting) > 1:
        raise InvalidInput(
            f"run {run} waits for {', '.join(waiting)}", remedy="name one with --environment"
        )
    return str(waiting[0])
