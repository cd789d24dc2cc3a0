"""A small runner that speaks to the stand-in: what `bin/Runner.Listener run` is to GitHub.

One file, standard library only, so that it can be put into a guest:

    ACTIONS_RUNNER_INPUT_JITCONFIG=… python3 runner.py run

It ends as GitHub's does: 0 after one job, 1 when its registration is no more, 2 when the server
cannot be reached, 5 when another uses the registration, 7 when it is too old. Everything it decides
is in `listen`, which does no I/O; `main` does it for real, `simulated.py` in virtual time.
"""

import base64
import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

DONE, TERMINATED, RETRY, CONFLICT, TOO_OLD = 0, 1, 2, 5, 7
VERSION = "2.999.0"
POLL = 50  # seconds a poll is held open
TRIES = 5
PAUSE = 2.0  # seconds between tries, twice as long each time


@dataclass(frozen=True)
class Ask:
    """Send this; the reply is (status, JSON), status 0 if there was no answer."""

    method: str
    path: str
    body: Any = None


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Start:
    """Run this job's script in the background."""

    job: dict[str, Any]


@dataclass(frozen=True)
class Watch:
    """Wait for output or the end, at most so long; the reply is (lines, conclusion or None)."""

    seconds: float


@dataclass(frozen=True)
class Kill:
    """End the job's script."""


Action = Ask | Pause | Start | Watch | Kill
Listening = Generator[Action, Any, int]


def read_config(config: str) -> tuple[str, str, str]:
    """Server, name and secret of a JIT configuration."""
    files = json.loads(base64.b64decode(config))
    runner = json.loads(base64.b64decode(files[".runner"]))
    secret = json.loads(base64.b64decode(files[".credentials_rsaparams"]))["secret"]
    return runner["serverUrl"], runner["agentName"], secret


def listen(beat: float = 5.0, version: str = VERSION) -> Listening:
    """Take one job and run it; `beat` is how often to say that it lives. The value is its code."""
    status, answer = yield from _ask(Ask("POST", "/sessions", {"version": version}))
    if status != 201:
        return {409: CONFLICT, 426: TOO_OLD, 0: RETRY}.get(status, TERMINATED)
    session = f"/sessions/{answer['session']}"
    while True:
        status, job = yield from _ask(Ask("GET", f"{session}/job?wait={POLL}"))
        if status == 204:
            continue
        if status != 200:
            return RETRY if status == 0 else TERMINATED
        status, _ = yield from _ask(Ask("POST", f"/jobs/{job['job']}/start", {}))
        if status == 200:
            return (yield from _run(job, beat))
        if status == 0:
            return RETRY


def _run(job: dict[str, Any], beat: float) -> Listening:
    path = f"/jobs/{job['job']}"
    yield Start(job)
    conclusion = None
    while conclusion is None:
        lines, conclusion = yield Watch(beat)
        if lines:
            yield from _ask(Ask("POST", f"{path}/log", {"lines": lines}))
        if conclusion is None:
            status, answer = yield from _ask(Ask("POST", f"{path}/renew", {}))
            if status == 200 and answer["cancelled"]:
                yield Kill()
                conclusion = "cancelled"
            elif status in {401, 404}:
                yield Kill()
                return TERMINATED
    status, _ = yield from _ask(Ask("POST", f"{path}/result", {"conclusion": conclusion}))
    return DONE if status == 204 else TERMINATED


def _ask(ask: Ask) -> Generator[Action, Any, tuple[int, Any]]:
    """Again and again while there is no answer, or only trouble."""
    pause = PAUSE
    for _ in range(TRIES):
        status, answer = yield ask
        if status and status < 500:
            return status, answer
        yield Pause(pause)
        pause *= 2
    return 0, None


class Driver:
    """Does for real what `listen` wants."""

    def __init__(self, server: str, secret: str):
        self._server = server
        self._secret = secret
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def drive(self, listening: Listening) -> int:
        reply: Any = None
        while True:
            try:
                action = listening.send(reply)
            except StopIteration as stop:
                return int(stop.value)
            reply = self._do(action)

    def _do(self, action: Action) -> Any:
        match action:
            case Ask():
                return self._ask(action)
            case Pause(seconds):
                time.sleep(seconds)
            case Start(job):
                self._start(job["script"])
            case Watch(seconds):
                return self._watch(seconds)
            case Kill():
                assert self._process is not None
                self._process.kill()
                self._process.wait()
        return None

    def _ask(self, ask: Ask) -> tuple[int, Any]:
        request = urllib.request.Request(
            self._server + ask.path,
            method=ask.method,
            data=None if ask.body is None else json.dumps(ask.body).encode(),
            headers={
                "Authorization": f"Bearer {self._secret}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=POLL + 10) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None

    def _start(self, script: str) -> None:
        self._process = subprocess.Popen(
            script, shell=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _watch(self, seconds: float) -> tuple[list[str], str | None]:
        lines: list[str] = []
        try:
            line = self._lines.get(timeout=seconds)
            while line is not None:
                lines.append(line)
                line = self._lines.get_nowait()
        except queue.Empty:
            return lines, None
        assert self._process is not None
        return lines, "success" if self._process.wait() == 0 else "failure"


def main() -> int:
    config = os.environ.pop("ACTIONS_RUNNER_INPUT_JITCONFIG", "")
    if sys.argv[1:] != ["run"] or not config:
        print("usage: ACTIONS_RUNNER_INPUT_JITCONFIG=… runner.py run", file=sys.stderr)  # noqa: T201
        return TERMINATED
    server, name, secret = read_config(config)
    print(f"{name}: Listening for Jobs", flush=True)  # noqa: T201
    return Driver(server, secret).drive(listen())


if __name__ == "__main__":
    sys.exit(main())
