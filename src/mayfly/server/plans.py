"""From what a run was asked for to its plan, read anew from the stored text."""

import functools
from collections import OrderedDict

from mayfly.domain.errors import InvalidInput
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest
from mayfly.services.loading import read_called
from mayfly.store.base import Tx
from mayfly.store.rows import RequestRow, RunRow
from mayfly.workflow.contexts import RunIdentity
from mayfly.workflow.model import Workflow
from mayfly.workflow.planned import RunPlan
from mayfly.workflow.reader import read_workflow

_KEPT = 1024


def plan_of(request: RunRequest, identity: RunIdentity) -> RunPlan:
    """InvalidInput (WorkflowInvalid with places) for a request that cannot be run."""
    workflows = {path: _read(path, text) for path, text in request.texts.items()}
    if request.file not in workflows:
        raise InvalidInput(f"the request lacks the text of {request.file}")
    return RunPlan(
        workflow=workflows[request.file],
        event=request.event,
        repository=request.repository,
        called=workflows,
        actions=request.actions,
        inputs=request.inputs,
        secrets=request.secrets,
        vars=request.vars,
        env=request.env,
        architecture=request.architecture,
        jobs=request.jobs,
        matrix=request.matrix,
        labels=request.labels,
        image=request.image,
        run=identity,
    )


@functools.lru_cache(maxsize=_KEPT)
def _read(path: str, text: str) -> Workflow:
    data = text.encode()
    return read_called(path, data) if "@" in path else read_workflow(data, path)


class StoredPlans:
    """See `server.rounds.Plans`. Keeps the plans looked at last: reading them takes long."""

    def __init__(self) -> None:
        self._plans: OrderedDict[str, RunPlan] = OrderedDict()

    def plan(self, tx: Tx, run: RunRow) -> RunPlan:
        plan = self._plans.get(run.id)
        if plan is None:
            row = tx.get(RequestRow, run.id)
            assert row is not None  # written with the run
            request = codec.decode(RunRequest, row.text.encode())
            plan = plan_of(request, RunIdentity(run.serial, run.number, run.attempt))
        self._plans[run.id] = plan
        self._plans.move_to_end(run.id)
        while len(self._plans) > _KEPT:
            self._plans.popitem(last=False)
        return plan
