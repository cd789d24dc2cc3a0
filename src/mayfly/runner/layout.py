"""Where things are on the machine that runs the job, and as whom steps run.

Every path the runner touches outside the workspace comes from one `Layout`, so that the same
program runs in a guest and in a temporary directory.
"""

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_GUEST_PATH = "/home/runner/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """The user that steps run as; `switch` is set when that is not the user of the runner."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: Path
    switch: bool

    @classmethod
    def named(cls, name: str) -> "Account":
        """KeyError if there is no such user."""
        entry = pwd.getpwnam(name)
        groups = tuple(os.getgrouplist(name, entry.pw_gid))
        return cls(name, entry.pw_uid, entry.pw_gid, groups, Path(entry.pw_dir), switch=True)

    @classmethod
    def current(cls) -> "Account":
        entry = pwd.getpwuid(os.geteuid())
        home = Path(os.environ.get("HOME", entry.pw_dir))
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, (), home, switch=False)

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Touch files as this user: what is made is theirs, what they may not do fails."""
        if not self.switch:
            yield
            return
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)


@dataclass(frozen=True, slots=True)
class Layout:
    """`variables` is the environment that steps begin with, PATH among it.

    `commands` holds the files behind GITHUB_ENV and their like, scripts and the event: small files
    written before every step, best in memory.
    """

    work: Path
    commands: Path
    tool_cache: Path
    account: Account
    variables: Mapping[str, str]

    @classmethod
    def guest(cls) -> "Layout":
        """The layout of every guest image: user `runner`, paths as on GitHub's machines."""
        account = Account.named("runner")
        return cls(
            work=account.home / "work",
            commands=Path("/run/mayfly/job"),
            tool_cache=Path("/opt/hostedtoolcache"),
            account=account,
            variables={"PATH": _GUEST_PATH, **_login_variables(Path("/etc/environment"))},
        )

    @property
    def temp(self) -> Path:
        return self.work / "_temp"

    @property
    def actions(self) -> Path:
        """Fetched actions, one directory a source."""
        return self.work / "_actions"

    @property
    def event(self) -> Path:
        return self.commands / "event.json"

    def workspace(self, repository: str) -> Path:
        """`repository` is `owner/name`."""
        name = repository.rpartition("/")[2]
        return self.work / name / name

    def prepare(self, *directories: Path) -> None:
        """Make directories, and parents that are missing, all owned by the account."""
        for directory in directories:
            if not directory.is_dir():
                self.prepare(directory.parent)
                directory.mkdir()
                self.own(directory)

    def own(self, path: Path) -> None:
        """Give a file the runner made to the account."""
        if self.account.switch:
            os.lchown(path, self.account.uid, self.account.gid)

    def write(self, path: Path, data: bytes) -> None:
        """A file of the account with this content."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o644)
        try:
            if self.account.switch:
                os.fchown(descriptor, self.account.uid, self.account.gid)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)


def _login_variables(file: Path) -> dict[str, str]:
    """What the image sets for every login (`NAME=value` lines)."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}
