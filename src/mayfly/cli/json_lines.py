"""`--json`: every event as one line of JSON on standard output, and nothing else there.

Keys are stable; a later version may add some. Every line has `type` and `at` (seconds since 1970,
UTC). What concerns a run also has `workflow` and `leg` (`amd64`, `arm64`, or null when labels
choose), what concerns a job also `job`, its key. The other keys are the fields of the event in
`domain.events`; `type` is its name in snake case, for example

    {"type":"step_finished","at":1.5,"workflow":"ci.yml","leg":"arm64","job":"test","step":2,…}

With two legs a `parity` line follows the events, and the last line is always `finished` with the
`exit_code`.
"""

import dataclasses
import json
import re
from typing import Any

from mayfly.domain.events import Event, JobRef, RunRef
from mayfly.parity.compare import Parity

_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def event_line(event: Event) -> str:
    """The event as JSON, without a line end."""
    document: dict[str, Any] = {"type": _WORD.sub("_", type(event).__name__).lower()}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if isinstance(value, JobRef):
            document |= _run(value.run) | {"job": value.key}
        elif isinstance(value, RunRef):
            document |= _run(value)
        else:
            document[field.name] = value
    return dump(document)


def parity_line(parity: Parity, at: float) -> str:
    return dump(
        {
            "type": "parity",
            "at": at,
            "legs": parity.legs,
            "compared": parity.compared,
            "differences": [dataclasses.asdict(found) for found in parity.differences],
        }
    )


def finished_line(exit_code: int, at: float) -> str:
    return dump({"type": "finished", "at": at, "exit_code": exit_code})


def dump(document: Any) -> str:
    """Compact; only ASCII, so that no character of a guest's can end the line or the encoding."""
    return json.dumps(document, separators=(",", ":"))


def _run(run: RunRef) -> dict[str, Any]:
    return {"workflow": run.workflow, "leg": run.leg}
