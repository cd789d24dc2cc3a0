"""Which server this host belongs to, and its key: `agent.json`, which only its owner reads."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.protocol import codec
from mayfly.system.home import Home


@dataclass(frozen=True, slots=True)
class Membership:
    """`since` is when the key was made, in seconds since 1970. `ca_file` adds to the system's."""

    server: str
    host: str
    key: str
    since: float
    cpu_factor: float = 2.0
    ca_file: str | None = None


class MembershipFile:
    """Shared by all agents of this host; always whole, whoever is killed when."""

    def __init__(self, home: Home):
        self.path = home.root / "agent.json"
        self.lock = home.root / "agent.lock"
        self._read: tuple[tuple[int, int], Membership] | None = None

    def load(self) -> Membership:
        """As it is now. Raises InvalidInput when this host belongs to no server."""
        try:
            status = self.path.stat()
            state = (status.st_mtime_ns, status.st_ino)
            if self._read is None or self._read[0] != state:
                self._read = (state, codec.decode(Membership, self.path.read_bytes()))
        except FileNotFoundError:
            raise InvalidInput(
                f"this host belongs to no server: there is no {self.path}",
                remedy="mayfly agent enroll --server URL --token TOKEN",
            ) from None
        except (OSError, codec.DecodeError) as error:
            raise HostCannot(
                f"cannot use {self.path}: {error}", remedy="remove it and enrol this host again"
            ) from error
        return self._read[1]

    def key(self) -> str:
        """The key of now, which another agent of this host may just have changed."""
        return self.load().key

    def save(self, membership: Membership) -> None:
        """Raises HostCannot."""
        new = self.path.with_suffix(".new")
        try:
            self._write(new, membership)
            new.replace(self.path)
        except OSError as error:
            raise HostCannot(f"cannot write {self.path}: {error.strerror}") from error

    @staticmethod
    def _write(path: Path, membership: Membership) -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(codec.to_plain(membership), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(descriptor)
