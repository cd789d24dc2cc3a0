"""The host's side of a conversation with a runner: sends Assign, answers, collects what is said.

The real program runs in a thread, on one end of a socket pair, in a temporary directory.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mayfly.domain.errors import Location
from mayfly.protocol.conversation import Conversation
from mayfly.protocol.frames import FrameDecoder, FrameKind, encode_frame
from mayfly.protocol.messages import (
    PROTOCOL_VERSION,
    Annotation,
    Assign,
    Cancel,
    FromHost,
    FromRunner,
    Identity,
    JobFinished,
    Ready,
    Rehearse,
    Rehearsed,
    SourceRefused,
    SourceRequest,
    StepFinished,
    StepStarted,
    Summary,
    decode_from_runner,
    encode_message,
)
from mayfly.runner import warm
from mayfly.runner.layout import Account, Layout
from mayfly.runner.machine import opened
from mayfly.runner.main import serve
from mayfly.runner.port import HostGone
from mayfly.runner.process import Patience
from mayfly.runner.settler import Settler
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

IDENTITY = Identity("clone", "0" * 32, "", 0, "52:54:00:00:00:01")
HERE = Location("ci.yml", 1, 1)
BLOB_SIZE = 256 * 1024


def step(run: str | None = None, **more: Any) -> Step:
    """A step; `with_` and the other fields by name."""
    return Step(HERE, run=run, **more)


def layout_in(directory: Path) -> Layout:
    return Layout(
        work=directory / "work",
        commands=directory / "commands",
        tool_cache=directory / "tools",
        account=Account.current(),
        variables={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )


@dataclass
class Host:
    """`on_log` gets each LOG, `on_request` each request; `sources` has a tar for each key."""

    socket: socket.socket
    sources: dict[str | None, bytes] = field(default_factory=dict)
    messages: list[FromRunner] = field(default_factory=list)
    logs: dict[int, bytearray] = field(default_factory=dict)
    conversation: Conversation = field(default_factory=lambda: Conversation(log_limit=1 << 40))
    on_log: Callable[[int, bytes], None] = lambda step, data: None

    def __post_init__(self) -> None:
        self.on_request: Callable[[SourceRequest], None] = self.answer

    def send(self, message: FromHost) -> None:
        self.socket.sendall(encode_message(message))

    def rehearse(self) -> None:
        self.send(Rehearse(IDENTITY))
        wait_for(self.socket, Rehearsed())

    def cancel(self, grace_s: float = 30.0) -> None:
        self.send(Cancel("a test", grace_s))

    def assign(self, spec: JobSpec) -> None:
        self.send(Assign(IDENTITY, spec))

    def leave(self) -> None:
        """Hang up."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def drain(self) -> None:
        """Take in what comes until the end."""
        self.messages += self._incoming()

    def until(self, kind: type[Any]) -> Any:
        """Take in what comes until a message of this kind."""
        for message in self._incoming():
            self.messages.append(message)
            if isinstance(message, SourceRequest):
                self.on_request(message)
            if isinstance(message, kind):
                return message
        raise AssertionError(f"the runner left without {kind.__name__}: {self.messages}")

    def _incoming(self) -> Iterator[FromRunner]:
        while data := self.socket.recv(1 << 20):
            for item in self.conversation.feed(data):
                if isinstance(item, tuple):
                    self.logs.setdefault(item[0], bytearray()).extend(item[1])
                    self.on_log(*item)
                else:
                    yield item

    def answer(self, request: SourceRequest) -> None:
        source = self.sources.get(request.action)
        if source is None:
            self.send(SourceRefused(f"no source {request.action}"))
            return
        for start in range(0, len(source), BLOB_SIZE):
            self.socket.sendall(encode_frame(FrameKind.BLOB, source[start : start + BLOB_SIZE]))
        self.socket.sendall(encode_frame(FrameKind.BLOB, b""))


@dataclass(frozen=True)
class Done:
    """A finished job: everything the host heard."""

    host: Host
    finished: JobFinished

    @property
    def steps(self) -> list[StepFinished]:
        """Without step 0, which sets up."""
        return [m for m in self.host.messages if isinstance(m, StepFinished) and m.step]

    @property
    def names(self) -> list[str]:
        return [m.name for m in self.host.messages if isinstance(m, StepStarted) and m.step]

    @property
    def outcomes(self) -> list[str]:
        return [step.conclusion.value for step in self.steps]

    @property
    def annotations(self) -> list[Annotation]:
        return [m for m in self.host.messages if isinstance(m, Annotation)]

    @property
    def summaries(self) -> dict[int, str]:
        return {m.step: m.markdown for m in self.host.messages if isinstance(m, Summary)}

    def log(self, number: int = 1) -> str:
        """What the step printed, without the runner's header."""
        text = self.host.logs.get(number, b"").decode("utf-8", "replace")
        return text.partition("##[endgroup]\n")[2] if text.startswith("##[group]Run ") else text


def wait_for(connection: socket.socket, message: FromRunner) -> None:
    """Before Assign the runner says nothing but what it is waited for."""
    decoder = FrameDecoder()
    while data := connection.recv(1 << 16):
        for frame in decoder.feed(data):
            assert decode_from_runner(frame) == message
            return
    raise AssertionError(f"the runner left before it said {message}")


@contextlib.contextmanager
def runner(
    directory: Path, patience: Patience | None = None, *, expect_loss: bool = False
) -> Iterator[Host]:
    """A runner that has said Ready; it has ended when the block has.

    With `expect_loss` it must have ended because the host left.
    """
    ours, theirs = socket.socketpair()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            layout = layout_in(directory)

            def settler() -> Settler:
                return Settler(lambda _, workspace: layout.prepare(workspace))

            def rehearse(identity: Identity) -> None:
                warm.rehearse(layout, None, settler(), identity)

            with opened(theirs.fileno(), layout, patience=patience) as machine:
                serve(machine, settler(), rehearse)
        except Exception as error:  # noqa: BLE001 (handed to the test)
            failures.append(error)
        finally:
            theirs.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_for(ours, Ready(PROTOCOL_VERSION))
        yield Host(ours)
    finally:
        ours.close()
        thread.join()
    if expect_loss:
        assert [type(failure) for failure in failures] == [HostGone]
    elif failures:
        raise failures[0]


def spec_of(*steps: Step, **more: Any) -> JobSpec:
    contexts = {"github": {"repository": "octo/demo", "event": {}}, **more.pop("contexts", {})}
    return JobSpec("job", "job", steps, contexts, repository="octo/demo", **more)


def run_job(
    directory: Path,
    *steps: Step,
    prepare: Callable[[Host], None] = lambda host: None,
    patience: Patience | None = None,
    **more: Any,
) -> Done:
    """Run a job of these steps to its end."""
    with runner(directory, patience) as host:
        prepare(host)
        host.assign(spec_of(*steps, **more))
        return Done(host, host.until(JobFinished))
