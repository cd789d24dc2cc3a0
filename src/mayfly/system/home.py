"""Where Mayfly keeps its files: `MAYFLY_HOME`, by default `~/.local/share/mayfly`.

images/       guest images, one folder a digest
templates/    booted snapshots, one folder a key
actions/      fetched actions, one folder a commit
machines/     running machines, one folder each; reaped when their owner is gone
logs/         our own log
spool/        what is being prepared for machines; reaped when its owner is gone
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    root: Path

    @classmethod
    def default(cls) -> "Home":
        chosen = os.environ.get("MAYFLY_HOME")
        if chosen:
            return cls(Path(chosen).absolute())
        data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
        return cls(Path(data) / "mayfly")

    @property
    def images(self) -> Path:
        return self._folder("images")

    @property
    def templates(self) -> Path:
        return self._folder("templates")

    @property
    def actions(self) -> Path:
        return self._folder("actions")

    @property
    def machines(self) -> Path:
        return self._folder("machines")

    @property
    def logs(self) -> Path:
        return self._folder("logs")

    @property
    def spool(self) -> Path:
        return self._folder("spool")

    def _folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path
