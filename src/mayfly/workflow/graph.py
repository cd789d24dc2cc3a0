"""The graph of one workflow's jobs: every job's matrix expanded, every call entered."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion
from mayfly.workflow.calls import call_outputs, called_scope
from mayfly.workflow.contexts import need, strategy_context
from mayfly.workflow.evaluate import Evaluator, has_expression
from mayfly.workflow.gate import Gate, Node, gate_of
from mayfly.workflow.leaf import leaf, placeholder, rejected, unselected
from mayfly.workflow.matrix import Combination, display_name, expand, is_selected
from mayfly.workflow.model import Job
from mayfly.workflow.planned import PlannedState
from mayfly.workflow.scope import Case, Scope, at, with_gate


@dataclass(frozen=True, slots=True)
class _Strategy:
    """The evaluated `strategy` of a job; `combinations` is None without a matrix."""

    combinations: tuple[Combination, ...] | None = None
    fail_fast: bool = True
    max_parallel: int | None = None


def walk(scope: Scope, jobs: Iterable[Job]) -> dict[str, Node]:
    """The node of each job, those before others that need them, else in file order."""
    nodes: dict[str, Node] = {}
    for job in _in_order(jobs):
        needs = {name: nodes[name] for name in job.needs}
        node = _node(job, scope, needs)
        before = (found.ancestry for found in needs.values())
        result = frozenset() if node.result is None else frozenset({node.result})
        nodes[job.id] = replace(node, ancestry=result.union(*before))
    return nodes


def combined(nodes: Iterable[Node]) -> Node:
    """Several as one: a failure outweighs a cancellation, that a success, that a skip."""
    nodes = tuple(nodes)
    outputs: dict[str, str] = {}
    for node in nodes:
        # As on GitHub, jobs of a matrix write over each other, but not with nothing.
        outputs |= {
            name: text for name, text in node.outputs.items() if text or name not in outputs
        }
    results = {node.result for node in nodes}
    ranked = (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.SUCCESS)
    worst = next((result for result in ranked if result in results), Conclusion.SKIPPED)
    return Node(
        jobs=tuple(job for node in nodes for job in node.jobs),
        settled=all(node.settled for node in nodes),
        result=None if None in results else worst,
        outputs=outputs,
        failed=any(node.failed for node in nodes),
        cancel=tuple(key for node in nodes for key in node.cancel),
    )


def _in_order(jobs: Iterable[Job]) -> Iterator[Job]:
    ordered = list(jobs)
    index = {job.id: place for place, job in enumerate(ordered)}
    missing = {job.id: set(job.needs) for job in ordered}
    dependents: dict[str, list[str]] = {}
    for job in ordered:
        for name in missing[job.id]:
            dependents.setdefault(name, []).append(job.id)
    ready = [index[name] for name, needs in missing.items() if not needs]
    while ready:
        job = ordered[heapq.heappop(ready)]
        yield job
        for name in dependents.get(job.id, ()):
            missing[name].discard(job.id)
            if not missing[name]:
                heapq.heappush(ready, index[name])


def _node(job: Job, scope: Scope, needs: Mapping[str, Node]) -> Node:
    settled = all(node.settled for node in needs.values())
    github = {**scope.evaluator.contexts["github"], "job": job.id}
    evaluator = scope.evaluator.having(github=github, strategy=strategy_context(), matrix=None)
    if settled:
        known = {
            name: need(node.result, node.outputs) for name, node in needs.items() if node.result
        }
        evaluator = evaluator.having(needs=known)
    key = scope.key_prefix + job.id
    cancelled = _without_begun(scope.cancelled, job, scope, key)
    gate = gate_of(job, needs, scope.gate, evaluator, cancelled)
    case = Case(
        job=job,
        scope=scope,
        gate=gate,
        evaluator=evaluator,
        waits=tuple(key for node in needs.values() for key in node.keys) or scope.waits,
        knows=settled and gate.verdict in {PlannedState.READY, PlannedState.CANCELLED},
        key=key,
        name=job.name if job.name and not has_expression(job.name) else job.id,
    )
    if gate.fixed or _ended_whole(case) or not case.can_evaluate(job.strategy.matrix):
        return placeholder(case)
    try:
        strategy = _strategy(job, case.evaluator, scope)
    except InvalidInput as error:
        if case.must_be_right:
            return rejected(case, at(job.location, error))
        return placeholder(case)
    if strategy.combinations is None:
        return _member(case)
    if not strategy.combinations:
        return unselected(case, "no combination is among those asked for")
    return _members(_cases(case, strategy), strategy, needs)


def _ended_whole(case: Case) -> bool:
    """Whether it was skipped or cancelled before it was expanded; it is not expanded then."""
    if case.job.call is None and case.job.strategy.matrix is None:
        return False
    result = case.scope.known.results.get(case.key)
    return result is not None and result.conclusion in {Conclusion.SKIPPED, Conclusion.CANCELLED}


def _without_begun(cancelled: str | None, job: Job, scope: Scope, key: str) -> str | None:
    """A call that has begun stays open on cancellation: its jobs decide for themselves."""
    begun = job.call is not None and cancelled and scope.known.has_begun(f"{key} ")
    return None if begun else cancelled


def _strategy(job: Job, evaluator: Evaluator, scope: Scope) -> _Strategy:
    matrix = job.strategy.matrix
    if matrix is None:
        return _Strategy()
    value: Any = evaluator.tree(matrix, "matrix")
    if not isinstance(value, dict):
        raise InvalidInput(f"matrix: '{matrix}' must be a mapping")
    wanted = scope.known.plan.matrix
    limit = job.strategy.max_parallel
    return _Strategy(
        combinations=tuple(found for found in expand(value) if is_selected(found, wanted)),
        fail_fast=evaluator.boolean(job.strategy.fail_fast, "strategy.fail-fast"),
        max_parallel=int(evaluator.number(limit, "strategy.max-parallel")) if limit else None,
    )


def _cases(case: Case, strategy: _Strategy) -> list[Case]:
    combinations = strategy.combinations or ()
    taken: dict[str, int] = {}
    cases = []
    for index, combination in enumerate(combinations):
        context = strategy_context(
            index=index,
            total=len(combinations),
            fail_fast=strategy.fail_fast,
            max_parallel=strategy.max_parallel,
        )
        key = case.scope.key_prefix + _unique(display_name(case.job.id, combination), taken)
        cases.append(
            replace(
                case,
                key=key,
                name=display_name(case.name, combination),
                combination=combination,
                evaluator=case.evaluator.having(strategy=context, matrix=combination),
            )
        )
    return cases


def _unique(key: str, taken: dict[str, int]) -> str:
    taken[key] = taken.get(key, 0) + 1
    return key if taken[key] == 1 else f"{key} #{taken[key]}"


def _members(cases: list[Case], strategy: _Strategy, needs: Mapping[str, Node]) -> Node:
    """All combinations, as far as fail-fast and max-parallel let them run."""
    nodes = [_member(case) for case in cases]
    failed = next((case for case, node in zip(cases, nodes, strict=True) if node.failed), None)
    if failed is not None and strategy.fail_fast:
        reason = f"fail-fast: {failed.key} failed"
        for index, case in enumerate(cases):
            if not nodes[index].settled:
                nodes[index] = _member(_stopped(case, needs, reason))
    elif strategy.max_parallel and strategy.max_parallel < len(cases):
        _hold(cases, nodes, strategy.max_parallel)
    return combined(nodes)


def _stopped(case: Case, needs: Mapping[str, Node], reason: str) -> Case:
    cancelled = _without_begun(reason, case.job, case.scope, case.key)
    gate = gate_of(case.job, needs, case.scope.gate, case.evaluator, cancelled)
    return with_gate(case, gate, reason)


def _hold(cases: list[Case], nodes: list[Node], limit: int) -> None:
    """Block those for which there is no room yet; the first that have not ended take the room."""
    open_ = [
        index
        for index, (case, node) in enumerate(zip(cases, nodes, strict=True))
        if case.gate.verdict is PlannedState.READY and not node.settled
    ]
    gate = Gate(PlannedState.BLOCKED, f"max-parallel: {limit} at a time", settled=False)
    for index in open_[limit:]:
        nodes[index] = _member(with_gate(cases[index], gate))


def _member(case: Case) -> Node:
    return leaf(case) if case.job.call is None else _call(case)


def _call(case: Case) -> Node:
    call = case.job.call
    assert call is not None
    if not case.can_evaluate([call.with_, call.secrets]):
        return placeholder(case)
    try:
        scope = called_scope(case, call)
    except InvalidInput as error:
        if case.must_be_right:
            return rejected(case, at(case.job.location, error))
        return placeholder(case)
    nodes = walk(scope, scope.workflow.jobs)
    node = combined(nodes.values())
    if not node.settled:
        return node
    try:
        return replace(node, outputs=call_outputs(scope, nodes))
    except InvalidInput as error:
        broken = rejected(case, at(case.job.location, error))
        return combined([node, broken])
