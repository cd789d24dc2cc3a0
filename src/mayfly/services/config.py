"""The configuration: `config.toml` in MAYFLY_HOME, over the one in the user's `~/.config/mayfly`.

    [actions]
    server = "https://github.com"       # where actions of other repositories are fetched
    [actions.replace]
    "owner/repository" = "/a/folder"    # instead of fetching it, at any ref
    [labels]
    big = "mayfly-arm64-8cpu-16gb"      # a label of runs-on, as another one, or as a table:
    mid = { architecture = "arm64", cpu = 4, memory_gib = 8, image = "debian-12" }
    [network]
    allow = ["10.1.2.3:5432"]           # opened to every job
    dns = "9.9.9.9"
    [vars]
    NAME = "value"                      # the vars context
    [machines]
    disk_gib = 24                       # writable space of a job
    log_limit_mib = 64                  # what a job may print

Every key may be left out, and no other may be there.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.domain.labels import NotLinux, Requirement, resolve
from mayfly.services.settings import Layers, Setting
from mayfly.system.home import Home

DEFAULT_SERVER = "https://github.com"
_FILE = "config.toml"
_SCHEMES = ("https://", "http://", "ssh://", "file://")
_GIB = 1024

_KEYS: Mapping[str, frozenset[str] | None] = {
    "": frozenset({"actions", "labels", "network", "vars", "machines"}),
    "actions": frozenset({"server", "replace"}),
    "actions.replace": None,
    "labels": None,
    "network": frozenset({"allow", "dns"}),
    "vars": None,
    "machines": frozenset({"disk_gib", "log_limit_mib"}),
}
_LABEL_KEYS = frozenset({"architecture", "cpu", "memory_gib", "image"})


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """`server` is a URL, to which `/owner/repository` is added; `replace` goes by `owner/repo`."""

    server: str = DEFAULT_SERVER
    replace: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """`allow` as `AllowRule.parse` takes it."""

    allow: tuple[str, ...] = ()
    dns: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Sizes are None where the configuration names none."""

    actions: ActionSettings = field(default_factory=ActionSettings)
    labels: Mapping[str, Requirement] = field(default_factory=dict)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    vars: Mapping[str, str] = field(default_factory=dict)
    disk_gib: int | None = None
    log_limit_mib: int | None = None


def load_config(home: Home) -> Config:
    """InvalidInput names the file and the key; missing files are no error."""
    files = (home.root / _FILE, _user_folder() / "mayfly" / _FILE)
    layers = Layers({str(file): data for file in files if (data := _read(file)) is not None}, _KEYS)
    allow, dns = layers.find("network", "allow"), layers.find("network", "dns")
    disk = layers.find("machines", "disk_gib")
    log_limit = layers.find("machines", "log_limit_mib")
    return Config(
        actions=_actions(layers),
        labels={name.lower(): _label(value) for name, value in layers.table("labels").items()},
        network=NetworkSettings(allow.texts() if allow else (), _address(dns) if dns else None),
        vars={name: value.text() for name, value in layers.table("vars").items()},
        disk_gib=disk.count() if disk else None,
        log_limit_mib=log_limit.count() if log_limit else None,
    )


def _user_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _read(file: Path) -> dict[str, object] | None:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file}: not valid TOML: {error}") from error
    except OSError as error:
        raise InvalidInput(f"{file}: cannot be read: {error.strerror}") from error


def _actions(layers: Layers) -> ActionSettings:
    replace = {}
    for name, setting in layers.table("actions", "replace").items():
        if name.count("/") != 1 or not all(name.split("/")):
            raise setting.wrong("a key is owner/repository")
        folder = Path(setting.file).parent / Path(setting.text()).expanduser()
        if not folder.is_dir():
            raise setting.wrong(f"{folder} is not a folder")
        replace[name.lower()] = folder
    server = layers.find("actions", "server")
    if server is None:
        return ActionSettings(replace=replace)
    if not server.text().startswith(_SCHEMES):
        raise server.wrong(f"expected a URL with {', '.join(_SCHEMES)}, got {server.value!r}")
    return ActionSettings(server.text().rstrip("/"), replace)


def _address(setting: Setting) -> IPv4Address:
    try:
        return IPv4Address(setting.text())
    except AddressValueError as error:
        raise setting.wrong(f"expected an IPv4 address: {error}") from error


def _label(setting: Setting) -> Requirement:
    if isinstance(setting.value, str):
        try:
            target = resolve([setting.value])
        except InvalidInput as error:
            raise setting.wrong(error.message) from error
        if isinstance(target, NotLinux):
            raise setting.wrong(f"'{setting.value}' is {target.os}; Mayfly runs Linux jobs")
        return target
    table = setting.table(_LABEL_KEYS)
    architecture, image = table.get("architecture"), table.get("image")
    cpu, memory = table.get("cpu"), table.get("memory_gib")
    size = Requirement()
    return Requirement(
        architecture=_architecture(architecture) if architecture else size.architecture,
        cpu=cpu.number() if cpu else size.cpu,
        memory_mib=int(memory.number() * _GIB) if memory else size.memory_mib,
        image=image.text() if image else size.image,
    )


def _architecture(setting: Setting) -> Architecture | None:
    if setting.value == "any":
        return None
    try:
        return Architecture.parse(setting.text())
    except ValueError as error:
        raise setting.wrong(str(error)) from error
