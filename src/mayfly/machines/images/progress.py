"""Turns what the build says on its standard output into progress a person can follow."""

import enum
from collections.abc import Callable
from dataclasses import dataclass


class Stage(enum.StrEnum):
    """In the order in which a build goes through them."""

    RESOLVING = "resolving"
    DOWNLOADING = "downloading"
    EXTRACTING = "extracting"
    CONFIGURING = "configuring"
    PACKING = "packing"
    HASHING = "hashing"


# Hundredths of the time a first build takes, as measured.
_WEIGHTS = {
    Stage.RESOLVING: 6,
    Stage.DOWNLOADING: 10,
    Stage.EXTRACTING: 48,
    Stage.CONFIGURING: 24,
    Stage.PACKING: 10,
    Stage.HASHING: 2,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """`fraction` of the whole build that is done, 0 to 1; never goes back."""

    stage: Stage
    fraction: float


Observer = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """An observer for callers that show nothing."""


class ProgressReader:
    """Reads the build's lines one by one; tells the observer whenever something moved on."""

    def __init__(self, observer: Observer):
        self._observer = observer
        self._total = 0
        self._done: set[str] = set()
        self._last = Progress(Stage.RESOLVING, 0.0)

    @property
    def stage(self) -> Stage:
        return self._last.stage

    def enter(self, stage: Stage) -> None:
        self._done.clear()
        self._tell(stage, 0.0)

    def feed(self, line: str) -> None:
        """One line: `stage: NAME`, `total: PACKAGES`, apt's `dlstatus:`, dpkg's `status:`."""
        kind, _, rest = line.strip().partition(":")
        match kind, rest.strip().split(": "):
            case "stage", [name] if name in set(Stage):
                self.enter(Stage(name))
            case "total", [count] if count.isdecimal():
                self._total = int(count)
            case "dlstatus", [numbers, *_]:
                self._downloaded(numbers)
            case "status", [package, state]:
                self._package(package, state)

    def _downloaded(self, numbers: str) -> None:
        # 2:45.2:Retrieving file 2 of 9
        fields = numbers.split(":")
        if self.stage is Stage.DOWNLOADING and len(fields) > 1:
            try:
                percent = float(fields[1])
            except ValueError:
                return
            self._tell(self.stage, percent / 100)

    def _package(self, package: str, state: str) -> None:
        wanted = {Stage.EXTRACTING: "unpacked", Stage.CONFIGURING: "installed"}.get(self.stage)
        if state == wanted and self._total:
            self._done.add(package)
            self._tell(self.stage, len(self._done) / self._total)

    def _tell(self, stage: Stage, within: float) -> None:
        stages = list(Stage)
        before = sum(_WEIGHTS[earlier] for earlier in stages[: stages.index(stage)])
        share = _WEIGHTS[stage] * min(max(within, 0.0), 1.0)
        fraction = max((before + share) / sum(_WEIGHTS.values()), self._last.fraction)
        progress = Progress(stage, fraction)
        if progress != self._last:
            self._last = progress
            self._observer(progress)
