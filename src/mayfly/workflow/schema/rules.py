"""Rules about several keys of one mapping, which the table names where they apply.

A rule meets files with other problems in them: what is not of the expected kind it leaves alone.
"""

from collections.abc import Iterator
from itertools import islice

from mayfly.workflow.nodes import Mapping, Node, Scalar, Sequence
from mayfly.workflow.schema.types import Complain, quoted

_MOST_SHOWN = 12  # jobs in a message


def some_event(workflow: Mapping, complain: Complain) -> None:
    events = workflow.get("on")
    if isinstance(events, Sequence) and not events.items:
        complain(events, "'on' names no event", "at least one")
    if isinstance(events, Mapping) and not events.entries:
        complain(events, "'on' names no event", "at least one")


def no_filter_twice(event: Mapping, complain: Complain) -> None:
    for name in ("branches", "tags", "paths"):
        ignore = event.entries.get(f"{name}-ignore")
        if ignore is not None and name in event.entries:
            message = f"'{name}' and '{name}-ignore' exclude each other"
            complain(ignore.key, message, f"'!pattern' lines in '{name}'")


def default_fits(definition: Mapping, complain: Complain) -> None:
    """The default of an input is of its type."""
    default, kind = definition.get("default"), definition.get("type")
    if not isinstance(default, Scalar) or not isinstance(kind, Scalar) or "${{" in default.text:
        return
    if kind.text == "boolean" and not isinstance(default.value, bool):
        complain(default, f"'{default.text}' as default of a boolean", "true or false")
    is_number = isinstance(default.value, int | float) and not isinstance(default.value, bool)
    if kind.text == "number" and not is_number:
        complain(default, f"'{default.text}' as default of a number", "a number")


def options_belong_to_choice(definition: Mapping, complain: Complain) -> None:
    options, kind = definition.get("options"), definition.get("type")
    choice = isinstance(kind, Scalar) and kind.text == "choice"
    if choice and (options is None or (isinstance(options, Sequence) and not options.items)):
        complain(definition, "an input of type 'choice' without 'options'", "a list of options")
    if options is not None and not choice:
        complain(options, "'options' for an input that is not of type 'choice'")


def some_job(workflow: Mapping, complain: Complain) -> None:
    jobs = workflow.get("jobs")
    if isinstance(jobs, Mapping) and not jobs.entries:
        complain(jobs, "'jobs' holds no job", "at least one")


def some_step(job: Mapping, complain: Complain) -> None:
    steps = job.get("steps")
    if steps is None and "runs-on" in job.entries:
        complain(job, "a job without 'steps'", "'steps', or 'uses' to call a workflow")
    if isinstance(steps, Sequence) and not steps.items:
        complain(steps, "'steps' holds no step", "at least one")


def step_ids_differ(job: Mapping, complain: Complain) -> None:
    steps = job.get("steps")
    seen: set[str] = set()
    for step in steps.items if isinstance(steps, Sequence) else ():
        name = step.get("id") if isinstance(step, Mapping) else None
        if isinstance(name, Scalar):
            if name.text in seen:
                complain(name, f"step id '{name.text}' is used twice", "an id of its own")
            seen.add(name.text)


def matrix_has_values(matrix: Mapping, complain: Complain) -> None:
    if not matrix.entries.keys() - {"exclude"}:
        complain(matrix, "the matrix has no values", "lists of values, or 'include'")
    for key, entry in matrix.entries.items():
        empty = isinstance(entry.value, Sequence) and not entry.value.items
        if empty and key not in {"include", "exclude"}:
            complain(entry.value, f"'{key}' has no values", "at least one")


def image_is_named(container: Mapping, complain: Complain) -> None:
    if "image" not in container.entries:
        complain(container, "a container without 'image'", "'image'")


def needs_lead_somewhere(jobs: Mapping, complain: Complain) -> None:
    """Every job named in `needs` exists, and no job waits for itself in the end."""
    graph = {job: list(_needs(entry.value)) for job, entry in jobs.entries.items()}
    for job, needs in graph.items():
        for need in needs:
            if need.text not in graph:
                message = f"job '{job}' needs '{need.text}', which does not exist"
                others = [name for name in islice(graph, _MOST_SHOWN) if name != job]
                complain(need, message, f"one of {quoted(others)}" if others else None)
    for cycle in _cycles({job: [n.text for n in needs] for job, needs in graph.items()}):
        first, second = cycle[0], cycle[1 % len(cycle)]
        place = next(need for need in graph[first] if need.text == second)
        shown = " → ".join(
            [*islice(cycle, _MOST_SHOWN), *["…"] * (len(cycle) > _MOST_SHOWN), first]
        )
        complain(place, f"jobs need each other in a circle: {shown}")


def _needs(job: Node) -> Iterator[Scalar]:
    found = job.get("needs") if isinstance(job, Mapping) else None
    if isinstance(found, Scalar):
        yield found
    elif isinstance(found, Sequence):
        yield from (item for item in found.items if isinstance(item, Scalar))


def _cycles(graph: dict[str, list[str]]) -> Iterator[list[str]]:
    """Each cycle a depth-first search meets, from the job that the file names first."""
    order = {job: at for at, job in enumerate(graph)}
    done: set[str] = set()
    for start in order:
        if start in done:
            continue
        path = {start: iter(graph[start])}  # the jobs on the way, and which needs are left
        while path:
            job, needs = next(reversed(path.items()))
            need = next((need for need in needs if need in graph and need not in done), None)
            if need is None:
                del path[job]
                done.add(job)
            elif need in path:
                way = list(path)
                cycle = way[way.index(need) :]
                first = cycle.index(min(cycle, key=order.__getitem__))
                yield cycle[first:] + cycle[:first]
            else:
                path[need] = iter(graph[need])
