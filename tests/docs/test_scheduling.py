"""The example and the trace of docs/scheduling.md do what the page says."""

import re
from pathlib import Path

from mayfly.server.simulator.engine import simulate
from mayfly.server.simulator.policy import fair
from mayfly.server.simulator.reading import read_trace

PAGE = (Path(__file__).parents[2] / "docs/scheduling.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_runs() -> None:
    [example] = blocks("python")
    exec(compile(example, "docs/scheduling.md", "exec"), {})


def test_the_trace_can_be_simulated() -> None:
    [text] = blocks("json")
    trace = read_trace(text, "docs/scheduling.md")
    assert list(simulate(trace, fair(trace, 600), lambda fraction: None).waits) == [0, 0]
