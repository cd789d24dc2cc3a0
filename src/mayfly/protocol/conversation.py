"""What a runner may say when: the order and the amounts, held against a hostile guest. Pure.

Assign sent → JobStarted → steps, one open at a time, numbered upwards → JobFinished → silence
"""

from mayfly.protocol.frames import Frame, FrameDecoder, FrameKind, ProtocolViolation, decode_log
from mayfly.protocol.messages import (
    Annotation,
    FromRunner,
    JobFinished,
    JobStarted,
    Ready,
    Rehearsed,
    SourceRequest,
    StepFinished,
    StepStarted,
    Summary,
    decode_from_runner,
)

MAX_STEPS = 5_000
MAX_CONTROL_TOTAL = 64 * 1024 * 1024
MAX_SOURCE_REQUESTS = 1_000


class LogLimitExceeded(Exception):
    """The job printed more than it may; `limit` is in bytes."""

    def __init__(self, limit: int):
        super().__init__(f"the job printed more than {limit // (1024 * 1024)} MiB")
        self.limit = limit


class Conversation:
    """Feed it the bytes of one runner after Assign; it gives what was said, checked.

    An item is a message, or (step number, bytes) of output. After an exception it must not be fed
    again.
    """

    def __init__(self, *, log_limit: int):
        self._decoder = FrameDecoder()
        self._log_limit = log_limit
        self._printed = 0
        self._control = 0
        self._requests = 0
        self._started = False
        self._finished = False
        self._last_step = -1
        self._open_step: int | None = None

    @property
    def finished(self) -> bool:
        return self._finished

    def feed(self, data: bytes) -> list[FromRunner | tuple[int, bytes]]:
        """Raises ProtocolViolation and LogLimitExceeded, with what came before it lost."""
        return [self._checked(frame) for frame in self._decoder.feed(data)]

    def _checked(self, frame: Frame) -> FromRunner | tuple[int, bytes]:
        if self._finished:
            raise ProtocolViolation("the runner went on after JobFinished")
        if frame.kind is FrameKind.LOG:
            return self._log(frame)
        self._control += len(frame.payload)
        if self._control > MAX_CONTROL_TOTAL:
            raise ProtocolViolation(f"more than {MAX_CONTROL_TOTAL} bytes of messages")
        message = decode_from_runner(frame)
        self._check_order(message)
        return message

    def _log(self, frame: Frame) -> tuple[int, bytes]:
        step, data = decode_log(frame.payload)
        if step != self._open_step:
            raise ProtocolViolation(f"output of step {step}, which is not running")
        self._printed += len(data)
        if self._printed > self._log_limit:
            raise LogLimitExceeded(self._log_limit)
        return step, data

    def _check_order(self, message: FromRunner) -> None:
        if isinstance(message, JobStarted) is self._started:
            raise ProtocolViolation(f"{type(message).__name__} out of order")
        match message:
            case JobStarted():
                self._started = True
            case StepStarted(step=step):
                self._begin(step)
            case StepFinished(step=step):
                self._check_open(step)
                self._open_step = None
            case Annotation(step=step) | Summary(step=step):
                self._check_known(step)
            case SourceRequest():
                self._count_request()
            case JobFinished():
                self._finish()
            case Ready() | Rehearsed():
                raise ProtocolViolation(f"{type(message).__name__} out of order")

    def _begin(self, step: int) -> None:
        if self._open_step is not None:
            raise ProtocolViolation(f"step {step} began while step {self._open_step} is running")
        if not self._last_step < step < MAX_STEPS:
            raise ProtocolViolation(f"step number {step} after {self._last_step}")
        self._open_step = self._last_step = step

    def _count_request(self) -> None:
        self._requests += 1
        if self._requests > MAX_SOURCE_REQUESTS:
            raise ProtocolViolation(f"more than {MAX_SOURCE_REQUESTS} source requests")

    def _finish(self) -> None:
        if self._open_step is not None:
            raise ProtocolViolation(f"JobFinished while step {self._open_step} is running")
        self._finished = True

    def _check_open(self, step: int) -> None:
        if step != self._open_step:
            raise ProtocolViolation(f"step {step} is not running")

    def _check_known(self, step: int) -> None:
        if not 0 <= step <= self._last_step:
            raise ProtocolViolation(f"step {step} has not begun")
