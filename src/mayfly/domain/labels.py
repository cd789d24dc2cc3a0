"""What a job asks for in `runs-on`: labels to an architecture, a size and an image.

Mayfly's own labels, and those of the services people come from, so that their files run unchanged.
Labels are compared without regard to case.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput

DEFAULT_IMAGE = "default"
DEFAULT_CPU = Decimal(2)
DEFAULT_MEMORY_MIB = 4096

HOST_PREFIX = "mayfly-host-"
"""Before a label that the host itself must have, such as `mayfly-host-ssd`."""

_KNOWN_FORMS = (
    "mayfly[-amd64|-arm64|-any][-<cpu>cpu-<ram>gb], ubuntu-latest, ubuntu-24.04, "
    "ubuntu-24.04-arm, ubuntu-slim, [self-hosted, linux, arm64], actuated-…, "
    "CircleCI resource classes, saas-linux-…"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a machine must have. `architecture` is None for any; `cpu` may be a fraction.

    `host_labels` are those its host must have, whatever the machine.
    """

    architecture: Architecture | None = Architecture.AMD64
    cpu: Decimal = DEFAULT_CPU
    memory_mib: int = DEFAULT_MEMORY_MIB
    image: str = DEFAULT_IMAGE
    host_labels: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """The label that asks for this."""
        architecture = self.architecture.value if self.architecture else "any"
        gib = Decimal(self.memory_mib) / 1024
        return f"mayfly-{architecture}-{_plain(self.cpu)}cpu-{_plain(gib)}gb"


@dataclass(frozen=True, slots=True)
class NotLinux:
    """A label of an operating system that Mayfly does not run; `os` is its proper name."""

    os: str
    label: str


Table = Mapping[str, Requirement]


def resolve(labels: Sequence[str], table: Table | None = None) -> Requirement | NotLinux:
    """What the labels of one job ask for together; `table` adds labels of the installation.

    Of several labels one may name a size, any may name the architecture, if they agree, and any a
    label of hosts.
    InvalidInput if there is no label, one is unknown, or two contradict each other.
    """
    names = [label.strip().lower() for label in labels]
    if not any(names):
        raise InvalidInput("the job names no machine to run on", remedy=f"use {_KNOWN_FORMS}")
    for name in names:
        if system := _NOT_LINUX.fullmatch(name):
            return NotLinux(_OS_NAMES[system[1]], name)
    extra = {key.lower(): value for key, value in (table or {}).items()}
    sizes: list[Requirement] = []
    architectures: set[Architecture] = set()
    hosts: set[str] = set()
    for name in names:
        if name in _ARCHITECTURE_LABELS:
            architectures.add(_ARCHITECTURE_LABELS[name])
        elif name.startswith(HOST_PREFIX):
            hosts.add(name.removeprefix(HOST_PREFIX))
        elif name not in _IGNORED:
            sizes.append(_one(name, extra))
    size = _merged(sizes, architectures, labels)
    return replace(size, host_labels=size.host_labels | hosts) if hosts else size


def _merged(
    sizes: list[Requirement], architectures: set[Architecture], labels: Sequence[str]
) -> Requirement:
    if len(set(sizes)) > 1 or len(architectures) > 1:
        raise InvalidInput(f"the labels {', '.join(labels)} contradict each other")
    if not sizes:
        return Requirement(next(iter(architectures), Architecture.AMD64))
    [size] = set(sizes)
    for architecture in architectures:
        if size.architecture not in {None, architecture} and len(labels) > 1:
            raise InvalidInput(f"the labels {', '.join(labels)} contradict each other")
        size = replace(size, architecture=architecture)
    return size


def _one(name: str, table: Table) -> Requirement:
    if name in table:
        return table[name]
    for pattern, read in _FORMS:
        if found := pattern.fullmatch(name):
            requirement = read(found)
            if requirement.cpu <= 0 or requirement.memory_mib <= 0:
                raise InvalidInput(f"label {name!r} asks for a machine of size zero")
            return requirement
    if (size := _FIXED.get(name)) is not None:
        return size
    nearest = difflib.get_close_matches(name, [*_EXAMPLES, *_FIXED, *table], n=1, cutoff=0.5)
    suggestion = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise InvalidInput(
        f"unknown label {name!r}{suggestion}",
        remedy=f"use {_KNOWN_FORMS}, or add it to the table of labels in the configuration",
    )


def _own(found: re.Match[str]) -> Requirement:
    architecture = _architecture(found["arch"])
    if found["cpu"] is None:
        return Requirement(architecture)
    cpu = Decimal(found["cpu"]) / (1000 if found["milli"] else 1)
    return Requirement(architecture, cpu, int(Decimal(found["ram"]) * 1024))


def _github(found: re.Match[str]) -> Requirement:
    cores = int(found["cores"] or 4)
    architecture = Architecture.ARM64 if found["arm"] else Architecture.AMD64
    return Requirement(architecture, Decimal(cores), cores * 4096)


def _architecture(text: str | None) -> Architecture | None:
    if text is None:
        return Architecture.AMD64
    return None if text == "any" else Architecture.parse(text)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _sizes(
    architecture: Architecture, prefix: str, suffix: str, sizes: Iterable[tuple[str, str, str]]
) -> dict[str, Requirement]:
    return {
        f"{prefix}{name}{suffix}": Requirement(architecture, Decimal(cpu), int(Decimal(gib) * 1024))
        for name, cpu, gib in sizes
    }


_ARCH = "amd64|x86_64|x64|arm64|aarch64"
_FORMS = (
    (
        re.compile(
            rf"(?:mayfly|actuated)(?:-(?P<arch>{_ARCH}|any))?"
            r"(?:-(?P<cpu>\d{1,5}(?:\.\d{1,3})?)(?P<milli>m)?cpu"
            r"-(?P<ram>\d{1,5}(?:\.\d{1,10})?)gb)?"
        ),
        _own,
    ),
    (
        re.compile(
            r"ubuntu-(?:latest|\d\d\.\d\d)(?P<arm>-arm(?:64)?)?(?:-(?P<cores>\d{1,3})-?cores?)?"
        ),
        _github,
    ),
)
_EXAMPLES = (
    "mayfly",
    "mayfly-amd64",
    "mayfly-arm64",
    "mayfly-any",
    "mayfly-arm64-8cpu-16gb",
    "ubuntu-latest",
    "ubuntu-24.04",
    "ubuntu-22.04",
    "ubuntu-24.04-arm",
)

_CIRCLECI_ARM = (("medium", "2", "8"), ("large", "4", "16"), ("xlarge", "8", "32"))
_CIRCLECI_AMD = (("small", "1", "2"), ("medium", "2", "7.5"), ("large", "4", "15"))
_CIRCLECI_BIG = (("xlarge", "8", "32"), ("2xlarge", "16", "64"))
_GITLAB = (
    ("small", "2", "8"),
    ("medium", "4", "16"),
    ("large", "8", "32"),
    ("xlarge", "16", "64"),
    ("2xlarge", "32", "128"),
)
_FIXED: dict[str, Requirement] = {
    "ubuntu-slim": Requirement(Architecture.AMD64, Decimal(1), 5 * 1024),
    **_sizes(Architecture.ARM64, "arm.", "", (*_CIRCLECI_ARM, ("2xlarge", "16", "64"))),
    **_sizes(Architecture.AMD64, "", "", (*_CIRCLECI_AMD, *_CIRCLECI_BIG)),
    **_sizes(Architecture.AMD64, "saas-linux-", "-amd64", _GITLAB),
    **_sizes(Architecture.ARM64, "saas-linux-", "-arm64", _GITLAB),
}

_IGNORED = frozenset({"self-hosted", "linux", "ubuntu", "debian"})
_ARCHITECTURE_LABELS = {
    "x64": Architecture.AMD64,
    "x86_64": Architecture.AMD64,
    "amd64": Architecture.AMD64,
    "arm64": Architecture.ARM64,
    "aarch64": Architecture.ARM64,
}

_NOT_LINUX = re.compile(r"(windows|win|macos|mac|osx)(?:[-.\d].*)?")
_OS_NAMES = {
    "windows": "Windows",
    "win": "Windows",
    "macos": "macOS",
    "mac": "macOS",
    "osx": "macOS",
}
