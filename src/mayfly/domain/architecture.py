"""The two architectures, and the many names other tools give them."""

import enum
import platform


class Architecture(enum.StrEnum):
    """Spelled as Debian spells it."""

    AMD64 = "amd64"
    ARM64 = "arm64"

    @property
    def runner_arch(self) -> str:
        """What workflows see as `runner.arch`."""
        return {"amd64": "X64", "arm64": "ARM64"}[self.value]

    @property
    def machine(self) -> str:
        """What `uname -m` prints, and the suffix of QEMU's binaries."""
        return {"amd64": "x86_64", "arm64": "aarch64"}[self.value]

    @classmethod
    def parse(cls, text: str) -> "Architecture":
        """Any common spelling; raises ValueError for others."""
        found = _SPELLINGS.get(text.strip().lower())
        if found is None:
            raise ValueError(f"unknown architecture {text!r}; known: amd64, arm64")
        return found

    @classmethod
    def of_host(cls) -> "Architecture":
        return cls.parse(platform.machine())


_SPELLINGS = {
    "amd64": Architecture.AMD64,
    "x86_64": Architecture.AMD64,
    "x86-64": Architecture.AMD64,
    "x64": Architecture.AMD64,
    "arm64": Architecture.ARM64,
    "aarch64": Architecture.ARM64,
    "arm64v8": Architecture.ARM64,
}
