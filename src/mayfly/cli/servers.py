"""Which server a command talks to, and as whom: options over the environment over `mayfly login`.

MAYFLY_SERVER, MAYFLY_TOKEN       for one shell, or a CI system
servers.json in MAYFLY_HOME       what `mayfly login` keeps, readable by its owner alone
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.protocol import codec
from mayfly.system.home import Home

_FILE = "servers.json"


@dataclass(frozen=True, slots=True)
class Account:
    """`url` has no slash at its end."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Known:
    """The file: tokens by address, and the server that was signed in to last."""

    default: str = ""
    tokens: dict[str, str] = field(default_factory=dict)


def choose_account(
    home: Home, server: str | None, environment: Mapping[str, str] = os.environ
) -> Account:
    """InvalidInput says how to sign in where that was not done."""
    known = _read(home)
    url = clean_url(server or environment.get("MAYFLY_SERVER") or known.default)
    if not url:
        raise InvalidInput(
            "no server was named", remedy="--server URL, or once: mayfly login --server URL"
        )
    token = environment.get("MAYFLY_TOKEN") or known.tokens.get(url)
    if not token:
        raise InvalidInput(
            f"not signed in to {url}", remedy=f"mayfly login --server {url}, or set MAYFLY_TOKEN"
        )
    return Account(url, token)


def keep_account(home: Home, account: Account) -> None:
    """It becomes the default, too."""
    known = _read(home)
    _write(home, _Known(account.url, {**known.tokens, account.url: account.token}))


def forget_account(home: Home, url: str) -> bool:
    """Says whether there was one."""
    known = _read(home)
    left = {kept: token for kept, token in known.tokens.items() if kept != clean_url(url)}
    _write(home, _Known(next(iter(left), ""), left))
    return len(left) < len(known.tokens)


def clean_url(url: str) -> str:
    """InvalidInput for what is no address; the empty text stays."""
    url = url.strip().rstrip("/")
    if url and not url.startswith(("https://", "http://")):
        raise InvalidInput(
            f"{url!r} is no address of a server", remedy="such as https://ci.example.org"
        )
    return url


def _read(home: Home) -> _Known:
    path = home.root / _FILE
    try:
        return codec.decode(_Known, path.read_bytes())
    except FileNotFoundError:
        return _Known()
    except (OSError, codec.DecodeError) as error:
        raise HostCannot(f"cannot read {path}: {error}", remedy="remove it, and sign in") from error


def _write(home: Home, known: _Known) -> None:
    path = home.root / _FILE
    new = path.with_suffix(".new")
    try:
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(codec.encode(known))
        new.rename(path)
    except OSError as error:
        raise HostCannot(f"cannot write {path}: {error.strerror}") from error
