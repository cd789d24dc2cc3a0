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

What a guest cannot do without (systemd, the runner's needs) is added by the builder. Or a recipe
lays archives over the image of another, which stays as it is and is shared:

    name = "with-tool"
    base = "default"                             # built in, or a path beside this file

    [archives."/opt/tool"]                       # unpacked there, for the user runner
    amd64 = { url = "https://example.org/tool-amd64.tar.gz", sha256 = "…" }
    arm64 = { url = "https://example.org/tool-arm64.tar.gz", sha256 = "…" }
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.machines.images.cpio import is_plain
from mayfly.machines.images.table import Table

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_SUITE = re.compile(r"[a-z][a-z0-9-]*")
_MIRROR = re.compile(r"https?://[^\s\"';\[\]]+")
_MODE = re.compile(r"0?[0-7]{3}")
_URL = re.compile(r"(?:https?://|file:///)[^\s\"']+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Of the host while building, of the guest later: the same path in every Debian and Ubuntu.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


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
class Archive:
    """A tarball (https, http or file) and the SHA-256 it must have."""

    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """With a `base` only `archives` besides: where they are unpacked, and which by architecture."""

    name: str
    packages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    apt: Apt = field(default_factory=Apt)
    files: Mapping[str, RecipeFile] = field(default_factory=dict)
    base: "Recipe | None" = None
    archives: Mapping[str, Mapping[Architecture, Archive]] = field(default_factory=dict)


def built_in() -> list[str]:
    """Names of the recipes that ship with Mayfly."""
    folder = files(__package__).joinpath("recipes")
    names = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_recipe(name_or_path: str, *, as_base: bool = False) -> Recipe:
    """A built-in recipe by name, or one from a path (anything with a slash or ending in .toml).

    A base has none itself. Raises InvalidInput naming the file and the key for everything that is
    wrong with it.
    """
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read the recipe {path}: {error}") from error
        return parse_recipe(text, str(path), as_base=as_base)
    if name_or_path not in built_in():
        raise InvalidInput(
            f"no recipe is called {name_or_path!r}",
            remedy=f"choose one of {', '.join(built_in())}, or give the path of a .toml file",
        )
    file = f"{name_or_path}.toml"
    text = files(__package__).joinpath("recipes", file).read_text("utf-8")
    return parse_recipe(text, file, as_base=as_base)


def parse_recipe(text: str, file: str, *, as_base: bool = False) -> Recipe:
    """Read a recipe's text; `file` names it in errors. Raises InvalidInput."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{file}: not TOML: {error}") from error
    table = Table(file, "", document)
    name = table.text("name", NAME)
    if "base" in document or "archives" in document:
        if as_base:
            raise table.wrong(
                "base", "is not allowed where another recipe has this one as its base"
            )
        recipe = Recipe(name, base=_base(table, file), archives=_archives(table))
        table.nothing_else()
        return recipe
    recipe = Recipe(
        name=name,
        packages=table.texts("packages", _PACKAGE),
        commands=table.texts("commands", None),
        apt=_apt(table.table("apt")),
        files=_files(table.table("files")),
    )
    table.nothing_else()
    return recipe


def _base(table: Table, file: str) -> Recipe:
    name = table.text("base", None)
    if "/" in name or name.endswith(".toml"):
        name = str(Path(file).parent / name)
    return load_recipe(name, as_base=True)


def _archives(table: Table) -> dict[str, dict[Architecture, Archive]]:
    found = {}
    content = table.table("archives")
    for path in content.names():
        _require_plain(content, path)
        entry = content.table(path)
        found[path] = {
            architecture: _archive(entry.table(architecture))
            for architecture in Architecture
            if architecture in entry.names()
        }
        entry.nothing_else()
    if not found:
        raise table.wrong("archives", "is missing")
    return found


def _archive(table: Table) -> Archive:
    archive = Archive(table.text("url", _URL), table.text("sha256", _SHA256))
    table.nothing_else()
    return archive


def _require_plain(table: Table, path: str) -> None:
    if not path.startswith("/") or not is_plain(path[1:]):
        raise table.wrong(path, "must be an absolute, plain path")


def _apt(table: Table) -> Apt:
    plain = Apt()
    apt = Apt(
        suite=table.text("suite", _SUITE, plain.suite),
        mirror=table.text("mirror", _MIRROR, plain.mirror),
        security_mirror=table.text("security-mirror", _MIRROR, plain.security_mirror),
        components=table.texts("components", _SUITE, plain.components),
    )
    table.nothing_else()
    return apt


def _files(table: Table) -> dict[str, RecipeFile]:
    found = {}
    for path in table.names():
        _require_plain(table, path)
        entry = table.table(path)
        content = entry.text("content", None)
        found[path] = RecipeFile(content, int(entry.text("mode", _MODE, "0644"), 8))
        entry.nothing_else()
    return found
