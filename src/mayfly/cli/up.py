"""`mayfly up`: a whole fleet on this host: a server, and an agent that works for it."""

import asyncio
from typing import TYPE_CHECKING, Any

import typer

from mayfly.cli.agent import Pool
from mayfly.cli.serve import BaseUrl, Config, JsonLogs, Listen
from mayfly.domain.errors import HostCannot

if TYPE_CHECKING:
    from mayfly.server.main import Up
    from mayfly.system.home import Home


def up(
    *,
    config: Config = None,
    listen: Listen = None,
    base_url: BaseUrl = None,
    json_logs: JsonLogs = False,
    pool: Pool = True,
) -> None:
    """Run a server and an agent on this host, over SQLite.

    Prints the dashboard's address and, at the first start, a token to sign in
    with, which `mayfly run --server` uses as well. Ctrl-C lets running jobs
    end; a second one ends them at once.
    """
    from mayfly.cli.home import writable_home
    from mayfly.cli.local_agent import refuse_if_anothers
    from mayfly.cli.running import run_command
    from mayfly.server.config import load_server_config
    from mayfly.server.logs import configure_logs
    from mayfly.system import tasks

    home = writable_home()
    chosen = load_server_config(home, config, listen=listen, base_url=base_url)
    refuse_if_anothers(home, chosen.url)

    async def main(stop: asyncio.Event) -> int:
        from mayfly.server.main import serve

        over = asyncio.Event()
        ready: asyncio.Future[Up] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(chosen, home, over, ready.set_result))
        try:
            await _unless_ended(serving, asyncio.ensure_future(ready))
            working = _work(home, ready.result(), stop, pool=pool, json_logs=json_logs)
            await _unless_ended(serving, asyncio.create_task(working))
            over.set()
            await serving
        finally:
            await tasks.stop(serving)
        return 0

    configure_logs(as_json=json_logs)
    raise typer.Exit(run_command(main, home, graceful=True))


async def _unless_ended(serving: "asyncio.Task[None]", work: "asyncio.Future[Any]") -> None:
    """The work to its end. Raises what ended the server before."""
    try:
        waiting: set[asyncio.Future[Any]] = {serving, work}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
            raise HostCannot("the server ended by itself", remedy="its log says why")
        work.result()
    finally:
        work.cancel()
        await asyncio.wait([work])


async def _work(
    home: "Home", server: "Up", stop: asyncio.Event, *, pool: bool, json_logs: bool
) -> None:
    """An agent until `stop` is set, and until its last job has ended then."""
    from mayfly.cli.local_agent import enrolled, local_agent
    from mayfly.cli.servers import Account, keep_account
    from mayfly.cli.terminal import say

    say(f"dashboard: {server.url}")
    if server.token:
        keep_account(home, Account(server.url, server.token))
        say(f"sign in with: {server.token}")
    await enrolled(home, server.services, server.url)
    async with local_agent(pool=pool, json_logs=json_logs) as agent:
        await agent.until(stop)
        if stop.is_set():
            say("letting running jobs end; Ctrl-C again ends them at once")
            await agent.drained()
