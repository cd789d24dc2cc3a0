"""How a server is set up: `server.toml` in MAYFLY_HOME, under what the command line says.

    [server]
    listen = "127.0.0.1:8080"             # address and port
    base_url = "https://ci.example.org"   # how people and forges reach it
    open_metrics = false                  # /metrics without a token
    [store]
    database = "postgresql://mayfly@db/mayfly"   # by default SQLite in MAYFLY_HOME
    blobs = "s3://bucket/prefix"          # by default a folder in MAYFLY_HOME
    s3_endpoint = "https://minio:9000"    # for S3 that is not Amazon's
    key_file = "/etc/mayfly/key"          # what secrets are encrypted with
    [github]                              # a server of your own
    url = "https://github.example.org"
    api_url = "https://github.example.org/api/v3"
    [limits]
    uploads_gib = 50                      # of a user, or of a project's pushes, at once
    journal_mib = 256                     # of what hosts report of one job
    [keep]
    uploads_days = 14                     # after their last use; 0: for ever
    logs_days = 365                       # after the end of their run; 0: for ever
    [sign_in.company]                     # any number; the name is part of addresses
    kind = "oidc"                         # or "github"
    title = "Example"
    server = "https://id.example.org"
    client_id = "..."
    client_secret_file = "/etc/mayfly/oidc"
    sign_up = true
    domains = ["example.org"]

Every key may be left out, and no other may be there.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mayfly.domain.errors import InvalidInput
from mayfly.services.settings import Layers, Setting
from mayfly.services.sign_in import ProviderKind, ProviderSettings
from mayfly.system.home import Home

_MIB, _GIB = 1 << 20, 1 << 30
_DAY_S = 86400.0

_KEYS: Mapping[str, frozenset[str] | None] = {
    "": frozenset({"server", "store", "github", "limits", "keep", "sign_in"}),
    "server": frozenset({"listen", "base_url", "open_metrics"}),
    "store": frozenset({"database", "blobs", "s3_endpoint", "key_file"}),
    "github": frozenset({"url", "api_url"}),
    "limits": frozenset({"uploads_gib", "journal_mib"}),
    "keep": frozenset({"uploads_days", "logs_days"}),
    "sign_in": None,
}
_PROVIDER_KEYS = frozenset(
    {"kind", "title", "server", "api", "client_id", "client_secret_file", "sign_up"}
    | {"domains", "groups"}
)

_URL = re.compile(r"https?://[^/?#\s]+[^?#\s]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """`listen` is (address, port); `blobs` is None for a folder in the home.

    Limits are in bytes; what is kept is deleted after seconds, or never (None).
    """

    database: str
    blobs: str | None = None
    s3_endpoint: str | None = None
    key_file: Path
    listen: tuple[str, int] = ("127.0.0.1", 8080)
    base_url: str | None = None
    open_metrics: bool = False
    github_url: str = "https://github.com"
    github_api_url: str = "https://api.github.com"
    uploads_limit: int = 50 * _GIB
    journal_limit: int = 256 * _MIB
    uploads_s: float | None = 14 * _DAY_S
    logs_s: float | None = 365 * _DAY_S
    providers: tuple[ProviderSettings, ...] = field(default=())

    @property
    def url(self) -> str:
        """How it is reached."""
        address, port = self.listen
        shown = f"[{address}]" if ":" in address else address
        return (self.base_url or f"http://{shown}:{port}").rstrip("/")


def load_server_config(
    home: Home,
    file: Path | None = None,
    *,
    database: str | None = None,
    blobs: str | None = None,
    listen: str | None = None,
    base_url: str | None = None,
) -> ServerConfig:
    """What is given wins over the file. InvalidInput names the file and the key."""
    path = file or home.root / "server.toml"
    layers = Layers({str(path): data for data in [_read(path, file is not None)] if data}, _KEYS)

    def text(*where: str) -> str | None:
        found = layers.find(*where)
        return found.text() if found else None

    def url(*where: str) -> str | None:
        found = layers.find(*where)
        return _url(found) if found else None

    key_file = text("store", "key_file")
    metrics = layers.find("server", "open_metrics")
    return ServerConfig(
        database=database or text("store", "database") or f"sqlite:///{home.root}/mayfly.db",
        blobs=blobs or text("store", "blobs"),
        s3_endpoint=text("store", "s3_endpoint"),
        key_file=Path(key_file) if key_file else home.root / "vault.key",
        listen=parse_address(listen or text("server", "listen") or "127.0.0.1:8080"),
        base_url=_base_url(base_url or text("server", "base_url")),
        open_metrics=_flag(metrics),
        github_url=url("github", "url") or "https://github.com",
        github_api_url=url("github", "api_url") or "https://api.github.com",
        uploads_limit=_count(layers.find("limits", "uploads_gib"), 50) * _GIB,
        journal_limit=_count(layers.find("limits", "journal_mib"), 256) * _MIB,
        uploads_s=_days(layers.find("keep", "uploads_days"), 14),
        logs_s=_days(layers.find("keep", "logs_days"), 365),
        providers=tuple(_provider(one) for one in layers.table("sign_in").values()),
    )


def parse_address(text: str) -> tuple[str, int]:
    """`address:port`, `[address]:port` or `:port`, which is every address."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InvalidInput(f"{text!r} is no address and port", remedy="such as 127.0.0.1:8080")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 (as asked for)


def _base_url(given: str | None) -> str | None:
    if given is not None and not _URL.fullmatch(given):
        raise InvalidInput(
            f"{given!r} is no address to reach a server by", remedy="such as https://ci.example.org"
        )
    return given


def _url(setting: Setting) -> str:
    """Of another server."""
    given = setting.text()
    if not _URL.fullmatch(given):
        raise setting.wrong(f"{given!r} is no address of a server, such as https://id.example.org")
    return given


def _read(path: Path, wanted: bool) -> dict[str, object] | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not wanted:
            return None
        raise InvalidInput(f"there is no file {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error


def _flag(setting: Setting | None) -> bool:
    if setting is None:
        return False
    if not isinstance(setting.value, bool):
        raise setting.wrong(f"expected true or false, got {setting.value!r}")
    return setting.value


def _count(setting: Setting | None, otherwise: int) -> int:
    return setting.count() if setting else otherwise


def _days(setting: Setting | None, otherwise: int) -> float | None:
    """In seconds; None for ever, which is 0 in the file."""
    days = setting.value if setting else otherwise
    if not isinstance(days, int) or isinstance(days, bool) or days < 0:
        assert setting is not None
        raise setting.wrong(f"expected a whole number, 0 or more, got {days!r}")
    return days * _DAY_S if days else None


def _provider(setting: Setting) -> ProviderSettings:
    table = setting.table(_PROVIDER_KEYS)
    name = setting.key.rpartition(".")[2]
    for needed in ("client_id", "client_secret_file"):
        if needed not in table:
            raise setting.wrong(f"lacks {needed}")
    kind = table["kind"].text() if "kind" in table else "oidc"
    if kind not in set(ProviderKind):
        raise table["kind"].wrong(f"expected oidc or github, got {kind!r}")
    given = {key: _url(table[key]) for key in ("server", "api") if key in table}
    if kind == "oidc" and "server" not in given:
        raise setting.wrong("lacks server, the address of the provider")
    return ProviderSettings(
        id=name,
        title=table["title"].text() if "title" in table else name,
        kind=ProviderKind(kind),
        client_id=table["client_id"].text(),
        client_secret=_secret(table["client_secret_file"]),
        sign_up=_flag(table.get("sign_up")),
        domains=table["domains"].texts() if "domains" in table else (),
        groups=table["groups"].texts() if "groups" in table else (),
        **given,
    )


def _secret(setting: Setting) -> str:
    try:
        return Path(setting.text()).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise setting.wrong(f"cannot be read: {error.strerror}") from error
