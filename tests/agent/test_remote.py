"""An agent far from its server: nothing is lost, doubled or reordered, whatever the network does."""


from tests.agent.served import HELLO, served
from tests.virtual_time import virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.protocol.fleet import Assignment, JobEnded, Lease, Printed

ROOM = HELLO.capacity


def job(name: str = "job") -> Assignment:
    return Assignment(Lease(name, 1), "default", Architecture.AMD64, 1, 1.0, 1024, 60.0)


@virtual_time
async def test_a_job_comes_and_its_reports_arrive() -> None:
    async with served() as server, server.session() as control:
        server.hosts.put(job())
        assert await control.claim(ROOM) == job()
        for number in range(100):
            await control.report(job().lease, Printed(0, (str(number),)))
        await control.report(job().lease, JobEnded(JobState.SUCCEEDED))
        *printed, ended = server.hosts.reports[job().lease]
        assert printed == [Printed(0, (str(number),)) for number in range(100)]
        assert ended == JobEnded(JobState.SUCCEEDED)
