"""A step's output, cut into pieces at any place."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.runner.commands import WorkflowCommand
from mayfly.runner.masks import Masker
from mayfly.runner.matchers import Finding, Matchers
from mayfly.runner.output import StepOutput

WORDS = [
    "s3cret",
    "::error::x",
    "##[group]g",
    "a",
    "\n",
    "\n\n",
    "::stop-commands::t\n",
    "\n::t::\n",
]


class Recorder:
    def __init__(self) -> None:
        self.printed = bytearray()
        self.largest = 0
        self.commands: list[str] = []

    def emit(self, data: bytes) -> None:
        self.largest = max(self.largest, len(data))
        self.printed += data

    def execute(self, command: WorkflowCommand, line: bytes) -> bytes:
        del line
        self.commands.append(command.name)
        return f"<{command.name}>\n".encode()

    def found(self, finding: Finding) -> None:
        raise AssertionError(finding)


def run(pieces: list[bytes]) -> Recorder:
    recorder = Recorder()
    output = StepOutput(recorder.emit, Masker(["s3cret"]), Matchers(), recorder)
    for piece in pieces:
        output.feed(piece)
    output.finish()
    return recorder


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS)).map("".join), st.data())
def test_pieces_make_no_difference(text: str, data: st.DataObject) -> None:
    whole = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    together, apart = run([whole]), run(pieces)
    assert apart.printed == together.printed
    assert apart.commands == together.commands
    assert b"s3cret" not in apart.printed


def test_a_line_without_end_is_passed_on_and_still_masked() -> None:
    filler = b"x" * 1000
    recorder = run([filler, b"s3c", b"ret"] * 500)
    assert recorder.printed.replace(b"***", b"") == filler * 500 + b"\n"
    assert recorder.largest < 100_000


def test_whole_lines_are_passed_on_at_once() -> None:
    recorder = Recorder()
    output = StepOutput(recorder.emit, Masker(), Matchers(), recorder)
    output.feed(b"one\ntw")
    assert recorder.printed == b"one\n"
    output.feed(b"o\n")
    assert recorder.printed == b"one\ntwo\n"
