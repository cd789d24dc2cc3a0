"""What `mayfly doctor` says about a host: one finding for each thing it looked at."""

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """`fail` means some command of Mayfly cannot work here; `warn` that it works less well."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says what was found; `remedy` what to do about it, for all but `ok`."""

    severity: Severity
    text: str
    remedy: str | None = None
