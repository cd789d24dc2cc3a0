"""`mayfly login` and `mayfly logout`: the servers this person is known to."""

import asyncio
import sys
from typing import Annotated

import typer

from mayfly.domain.errors import InvalidInput

Url = Annotated[str, typer.Option("--server", metavar="URL", help="The server's address.")]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="MAYFLY_TOKEN",
        help="An API token; asked for, or read from standard input, if not given.",
        show_default=False,
    ),
]


def login(server: Url, token: Token = None) -> None:
    """Sign in to a server; other commands use it from then on.

    Tokens are made on the page "My tokens"; the first start of a server prints
    one. It is kept in MAYFLY_HOME, readable by you alone.
    """
    from mayfly.cli.client import Client
    from mayfly.cli.home import writable_home
    from mayfly.cli.servers import Account, clean_url, keep_account
    from mayfly.cli.terminal import say

    account = Account(clean_url(server), (token or _asked()).strip())

    async def who() -> str:
        async with Client(account) as client:
            return str((await client.get("/session"))["user"])

    user = asyncio.run(who())
    keep_account(writable_home(), account)
    say(f"signed in to {account.url} as {user}")


def logout(server: Url) -> None:
    """Forget the token of a server. It stays valid until it is revoked there."""
    from mayfly.cli.home import writable_home
    from mayfly.cli.servers import clean_url, forget_account
    from mayfly.cli.terminal import say

    if not forget_account(writable_home(), server):
        raise InvalidInput(f"not signed in to {clean_url(server)}")
    say(f"forgot the token of {clean_url(server)}")


def _asked() -> str:
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("token: ")
    return sys.stdin.readline()
