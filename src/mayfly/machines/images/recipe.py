"""Recipes: small TOML files that say what a guest image holds.

    name = "default"
    packages = ["git", "build-essential"]
    commands = ["npm install --global yarn"]     # optional, run as root in the new root

    [apt]                                        # optional
    suite = "bookworm"
    mirror = "http://deb.debian.org/debian"
    security-mirror = "http://deb.debian.org/debian-security"
    components = ["main"]

    [files."/etc/motd"]                          # optional, any number
    content = "hello"
    mode = "0644"

What a guest cannot do without (systemd, the runner's needs) is added by the builder.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from mayfly.domain.errors import InvalidInput
from mayfly.machines.images.cpio import is_plain

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_SUITE = re.compile(r"[a-z][a-z0-9-]*")
_MIRROR = re.compile(r"https?://[^\s\"';\[\]]+")
_MODE = re.compile(r"0?[0-7]{3}")
# Of the host while building, of the guest later: the same path in every Debian and Ubuntu.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_KINDS = {"str": "a string", "list": "a list of strings", "dict": "a table"}

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Apt:
    """Where packages come from, while building and later in the guest."""

    suite: str = "bookworm"
    mirror: str = "http://deb.debian.org/debian"
    security_mirror: str = "http://deb.debian.org/debian-security"
    components: tuple[str, ...] = ("main",)

    def sources(self) -> str:
        """The content of a `sources.list`.

        Naming the keyring spares apt from converting every key it trusts, one by one, with shell
        scripts: most of the time of an emulated `apt-get update`.
        """
        deb = f"deb [signed-by={KEYRING}]"
        components = " ".join(self.components)
        return (
            f"{deb} {self.mirror} {self.suite} {components}\n"
            f"{deb} {self.mirror} {self.suite}-updates {components}\n"
            f"{deb} {self.security_mirror} {self.suite}-security {components}\n"
        )


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A file to lay over the root, owned by root."""

    content: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str
    packages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    apt: Apt = field(default_factory=Apt)
    files: Mapping[str, RecipeFile] = field(default_factory=dict)


def built_in() -> list[str]:
    """Names of the recipes that ship with Mayfly."""
    folder = files(__package__).joinpath("recipes")
    names = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_recipe(name_or_path: str) -> Recipe:
    """A built-in recipe by name, or one from a path (anything with a slash or ending in .toml).

    Raises InvalidInput naming the file and the key for everything that is wrong with it.
    """
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        try:
            return parse_recipe(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read the recipe {path}: {error}") from error
    if name_or_path not in built_in():
        raise InvalidInput(
            f"no recipe is called {name_or_path!r}",
            remedy=f"choose one of {', '.join(built_in())}, or give the path of a .toml file",
        )
    file = f"{name_or_path}.toml"
    return parse_recipe(files(__package__).joinpath("recipes", file).read_text("utf-8"), file)


def parse_recipe(text: str, file: str) -> Recipe:
    """Read a recipe's text; `file` names it in errors. Raises InvalidInput."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file}: not TOML: {error}") from error
    table = _Table(file, "", document)
    recipe = Recipe(
        name=table.text("name", NAME),
        packages=table.texts("packages", _PACKAGE),
        commands=table.texts("commands", None),
        apt=_apt(table.table("apt")),
        files=_files(table.table("files")),
    )
    table.nothing_else()
    return recipe


class _Table:
    """Takes known keys out of a TOML table, then complains about what is left."""

    def __init__(self, file: str, path: str, content: Mapping[str, Any]):
        self._file = file
        self._path = path
        self._left = dict(content)
        self._known: list[str] = []

    def names(self) -> Iterable[str]:
        return tuple(self._left)

    def text(self, key: str, pattern: re.Pattern[str] | None, default: str | None = None) -> str:
        value = self._take(key, str, default)
        if value is None:
            raise self.wrong(key, "is missing")
        return self._matching(key, value, pattern)

    def texts(
        self, key: str, pattern: re.Pattern[str] | None, default: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        values = self._take(key, list, list(default)) or []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise self.wrong(f"{key}[{index}]", f"must be a string, not {value!r}")
            self._matching(f"{key}[{index}]", value, pattern)
        return tuple(values)

    def table(self, key: str) -> "_Table":
        content = self._take(key, dict, {})
        return _Table(self._file, self._name(key), content or {})

    def nothing_else(self) -> None:
        for key in self._left:
            raise self.wrong(key, f"is not known here; known: {', '.join(self._known)}")

    def wrong(self, key: str, problem: str) -> InvalidInput:
        return InvalidInput(f"{self._file}: {self._name(key)} {problem}")

    def _name(self, key: str) -> str:
        shown = key if re.fullmatch(r"[\w\[\]-]+", key) else f'"{key}"'
        return f"{self._path}.{shown}" if self._path else shown

    def _take(self, key: str, kind: type[_Value], default: _Value | None) -> _Value | None:
        self._known.append(key)
        value = self._left.pop(key, default)
        if value is not None and not isinstance(value, kind):
            wanted = _KINDS[kind.__name__]
            raise self.wrong(key, f"must be {wanted}, not {value!r}")
        return value

    def _matching(self, key: str, value: str, pattern: re.Pattern[str] | None) -> str:
        if "\0" in value or (pattern is not None and not pattern.fullmatch(value)):
            expected = f" (expected {pattern.pattern})" if pattern else ""
            raise self.wrong(key, f"has a value that cannot be used: {value!r}{expected}")
        return value


def _apt(table: _Table) -> Apt:
    plain = Apt()
    apt = Apt(
        suite=table.text("suite", _SUITE, plain.suite),
        mirror=table.text("mirror", _MIRROR, plain.mirror),
        security_mirror=table.text("security-mirror", _MIRROR, plain.security_mirror),
        components=table.texts("components", _SUITE, plain.components),
    )
    table.nothing_else()
    return apt


def _files(table: _Table) -> dict[str, RecipeFile]:
    found = {}
    for path in table.names():
        if not path.startswith("/") or not is_plain(path[1:]):
            raise table.wrong(path, "must be an absolute, plain path")
        entry = table.table(path)
        content = entry.text("content", None)
        found[path] = RecipeFile(content, int(entry.text("mode", _MODE, "0644"), 8))
        entry.nothing_else()
    return found
