"""Talks to a machine as an agent would: hands a job over and listens to the end."""

import asyncio
from typing import Any

from mayfly.domain.errors import Location
from mayfly.machines.base import Machine
from mayfly.protocol.conversation import Conversation
from mayfly.protocol.messages import Assign, FromRunner, JobFinished, encode_message
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

HERE = Location("ci.yml", 1, 1)


def spec_of(*scripts: str, conduct: str = "succeeds", seconds: float = 0) -> JobSpec:
    """A job of these scripts; a dummy machine reads its conduct and pace from the environment."""
    env = {"DUMMY": conduct, "DUMMY_SECONDS": str(seconds)}
    contexts: dict[str, Any] = {"github": {"repository": "octo/demo", "event": {}}}
    steps = tuple(Step(HERE, run=script) for script in scripts)
    return JobSpec("job", "job", steps, contexts, env, repository="octo/demo")


class Talk:
    """One machine's conversation so far."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self._conversation = Conversation(log_limit=1 << 30)
        self.messages: list[FromRunner] = []
        self.output = bytearray()

    async def assign(self, job: JobSpec) -> None:
        await self._machine.write(encode_message(Assign(self._machine.identity, job)))

    async def until(self, kind: type[Any]) -> bool:
        """Whether such a message came before the machine ended."""
        while data := await self._machine.read():
            found = False
            for item in self._conversation.feed(data):
                if isinstance(item, tuple):
                    self.output += item[1] if item[0] > 0 else b""
                else:
                    self.messages.append(item)
                    found |= isinstance(item, kind)
            if found:
                return True
        return False


async def run_scripts(machine: Machine, *scripts: str) -> str:
    """What the scripts printed, one step each."""
    talk = Talk(machine)
    await talk.assign(spec_of(*scripts))
    assert await talk.until(JobFinished), await machine.death()
    finished = talk.messages[-1]
    assert isinstance(finished, JobFinished)
    assert finished.conclusion == "success", talk.output.decode(errors="replace")
    return talk.output.decode(errors="replace")


async def turns(number: int) -> None:
    """Let the loop turn that often."""
    for _ in range(number):
        await asyncio.sleep(0)
