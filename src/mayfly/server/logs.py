"""Structured logs: one line an event, JSON or for people, with what the work is about.

Loggers of the standard library and of structlog end in the same lines; what is bound (structlog's
`bound_contextvars(job=…, attempt=…)`, the request's id) goes with each of the same task.
"""

import logging
import re
import sys
from typing import TextIO

import structlog

_OWN_ROOT = "mayfly"
# Control characters, and what turns text around.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LOUD = ("httpx", "httpcore", "botocore", "urllib3")


def configure_logs(
    *, as_json: bool, level: int = logging.INFO, stream: TextIO = sys.stderr
) -> None:
    """For the whole process; the last call counts."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
    ]
    last = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *(_json() if as_json else _text(colours=stream.isatty())),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(lambda record: record.levelno >= _least(record.name, level))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN_ROOT).setLevel(level)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)


def _json() -> list[structlog.typing.Processor]:
    """Tracebacks have no variables in them: some are secrets."""
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(frames),
        structlog.processors.JSONRenderer(),
    ]


def _text(*, colours: bool) -> list[structlog.typing.Processor]:
    """For a person who looks on: the time of day, and one line wherever one is enough."""
    return [
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        _printable,
        structlog.dev.ConsoleRenderer(
            colors=colours,
            pad_event_to=0,
            pad_level=False,
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,  # without variables, as above
        ),
    ]


def _least(logger: str, level: int) -> int:
    """What is shown of a logger: of libraries warnings, whatever else is kept in a file."""
    own = logger.split(".", maxsplit=1)[0] == _OWN_ROOT
    return level if own else logging.WARNING


def _printable(
    _logger: object, _method: str, said: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Paths and reasons are what strangers made them: they write no lines and move no cursor.

    Of what goes with the event the renderer takes care. Which module says it is left out.
    """
    shown = {key: value for key, value in said.items() if key != "logger"}
    return {**shown, "event": _UNPRINTABLE.sub(_escaped, str(said["event"]))}


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
