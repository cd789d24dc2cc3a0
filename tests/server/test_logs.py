"""Lines of the log: one JSON object each, with what the work is about."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from mayfly.server.logs import configure_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("mayfly").level
    yield
    root.handlers, level, own = before
    root.setLevel(level)
    logging.getLogger("mayfly").setLevel(own)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_kinds_of_logger_end_in_the_same_lines_with_what_is_bound() -> None:
    stream = io.StringIO()
    configure_logs(as_json=True, stream=stream)
    with bound_contextvars(job="j1", attempt=2):
        logging.getLogger("mayfly.a").info("took %s", "it", extra={"ms": 3})
        structlog.get_logger("mayfly.b").warning("gave it", host="h1")
    logging.getLogger("mayfly.a").info("later")
    first, second, third = lines(stream)
    assert first.pop("timestamp")
    assert first == {
        "event": "took it",
        "ms": 3,
        "job": "j1",
        "attempt": 2,
        "level": "info",
        "logger": "mayfly.a",
    }
    assert (second["event"], second["job"], second["host"]) == ("gave it", "j1", "h1")
    assert (second["level"], second["logger"]) == ("warning", "mayfly.b")
    assert "job" not in third


def test_an_error_is_one_line_with_its_traceback() -> None:
    stream = io.StringIO()
    configure_logs(as_json=True, stream=stream)
    try:
        int("no")
    except ValueError:
        logging.getLogger("mayfly.a").exception("failed")
    [line] = lines(stream)
    assert "ValueError" in json.dumps(line["exception"])


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_variables(as_json: bool) -> None:
    stream = io.StringIO()
    configure_logs(as_json=as_json, stream=stream)
    token = "mayfly_" + "hunter2"[::-1]
    try:
        int(token[:0])
    except ValueError:
        logging.getLogger("mayfly.a").exception("failed")
    assert "ValueError" in stream.getvalue()
    assert token not in stream.getvalue()


def test_a_person_reads_the_time_of_day_and_what_it_is_about() -> None:
    stream = io.StringIO()
    configure_logs(as_json=False, stream=stream)
    logging.getLogger("mayfly.a").info("took it", extra={"status": 200, "ms": 3})
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[info\] took it status=200 ms=3\n", stream.getvalue())


def test_libraries_are_heard_only_when_something_is_wrong() -> None:
    stream = io.StringIO()
    configure_logs(as_json=False, stream=stream, level=logging.DEBUG)
    logging.getLogger("httpx").info("GET")
    logging.getLogger("mayfly.a").debug("own words")
    assert "own words" in stream.getvalue()
    assert "GET" not in stream.getvalue()


def test_of_libraries_only_warnings_are_shown_whatever_is_kept_in_a_file() -> None:
    stream = io.StringIO()
    configure_logs(as_json=True, stream=stream)
    logging.getLogger().setLevel(logging.DEBUG)  # as where a file gets all of it
    logging.getLogger("library").info("did this and that")
    logging.getLogger("library").warning("beware")
    logging.getLogger("mayfly.a").info("ours")
    assert [line["event"] for line in lines(stream)] == ["beware", "ours"]


def test_what_strangers_send_stays_on_its_line_and_moves_no_cursor() -> None:
    stream = io.StringIO()
    configure_logs(as_json=False, stream=stream)
    evil = "/a\x1b]0;title\x07\n2026 [error] forged\x9b2J\u202e"
    logging.getLogger("mayfly.a").info("GET %s", evil, extra={"host": evil})
    shown = stream.getvalue()
    assert shown.endswith("\n")
    assert shown[:-1].isprintable()
    assert shown.count(r"/a\x1b]0;title\x07\n2026") == 2  # the message, and what goes with it


def test_a_traceback_keeps_its_lines() -> None:
    stream = io.StringIO()
    configure_logs(as_json=False, stream=stream)
    try:
        int("no")
    except ValueError:
        logging.getLogger("mayfly.a").exception("failed")
    assert len(stream.getvalue().splitlines()) > 3
