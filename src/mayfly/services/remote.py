"""What the URL of a remote says: the server, the owner and the name of the repository."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

_SCP_LIKE = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.+)")
_SCHEMES = frozenset({"http", "https", "ssh", "git", "git+ssh"})
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Forge:
    """Where the repository is at home."""

    server_url: str
    owner: str
    name: str


def forge_of(url: str) -> Forge | None:
    """None for a URL without a server, such as a local path."""
    parts = urlsplit(url)
    if parts.scheme in _SCHEMES and parts.hostname:
        web = parts.scheme in {"http", "https"}
        # A port belongs to the web server only if it is the web that is spoken.
        host = parts.netloc.rpartition("@")[2] if web else parts.hostname
        server, path = f"{parts.scheme if web else 'https'}://{host}", parts.path
    elif found := _SCP_LIKE.fullmatch(url):
        server, path = f"https://{found['host']}", found["path"]
    else:
        return None
    names = path.strip("/").removesuffix(".git").split("/")
    if len(names) < 2 or not all(names):
        return None
    return Forge(server, safe_name(names[-2]), safe_name(names[-1]))


def safe_name(text: str) -> str:
    """A name that may be part of a path and of `owner/name`."""
    return _NOT_IN_A_NAME.sub("-", text).strip("-.") or "repository"


def without_credentials(url: str) -> str:
    """The URL without a user's password or token; the user alone stays (`git@`)."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if parts.scheme not in _SCHEMES or not at:
        return url
    # Tokens are given as user names too, over the web.
    keep = "" if parts.scheme in {"http", "https"} else f"{login.partition(':')[0]}@"
    return urlunsplit(parts._replace(netloc=keep + host))
