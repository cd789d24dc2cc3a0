"""Numbers and times as people read them; templates know these as filters."""

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MONTH = 30 * _DAY


def duration(seconds: float | None) -> str:
    """0.4s, 12s, 3m 05s, 1h 02m, 3d 4h; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR}h"


def ago(at: float, now: float) -> str:
    """A moment seen from now, which may be before it."""
    passed = abs(now - at)
    if passed < 5:
        return "now"
    words = _about(passed)
    return f"{words} ago" if at < now else f"in {words}"


def _about(seconds: float) -> str:
    for limit, unit, name in (
        (_MINUTE, 1, "s"),
        (_HOUR, _MINUTE, "min"),
        (_DAY, _HOUR, "h"),
        (2 * _MONTH, _DAY, "d"),
    ):
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // _MONTH)} months"


def moment(at: float) -> str:
    """The absolute time, for titles: 2026-11-21 20:15:03 UTC."""
    return f"{_utc(at):%Y-%m-%d %H:%M:%S} UTC"


def iso(at: float) -> str:
    """For the attribute `datetime`."""
    return f"{_utc(at):%Y-%m-%dT%H:%M:%SZ}"


def size(count: float) -> str:
    """Bytes: 512 B, 3.4 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def memory(mib: float) -> str:
    """MiB: 0, 512 MiB, 16 GiB."""
    if mib >= 1024:
        return f"{mib / 1024:.4g} GiB"
    return f"{mib:.0f} MiB" if mib else "0"


def cpu(millicpu: float) -> str:
    """Thousandths: 0.5, 8, 1,024."""
    return f"{millicpu / 1000:,.3f}".rstrip("0").rstrip(".")


def count(number: float) -> str:
    return f"{number:,.0f}"


def plural(number: float, noun: str, several: str | None = None) -> str:
    return f"{count(number)} {noun if number == 1 else several or noun + 's'}"


def percent(part: float) -> str:
    """Of a fraction."""
    return f"{part * 100:.0f}%"


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(min(max(at, 0.0), 253402300799.0), UTC)
