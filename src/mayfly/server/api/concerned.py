"""What a route concerns: the rows that the names in its path mean."""

from dataclasses import dataclass
from typing import Any

from mayfly.store.base import View
from mayfly.store.rows import JobRow, ProjectRow, RunRow


@dataclass(frozen=True, slots=True)
class Found:
    """What the path names; `missing` if it names something that is not there."""

    what: str = ""
    missing: bool = False
    project: ProjectRow | None = None
    run: RunRow | None = None
    job: JobRow | None = None


def find(view: View, path: dict[str, Any]) -> Found:
    """By the names of its parts: `owner` and `name`, or `job`, `run`, `submission`."""
    job: JobRow | None = None
    run: RunRow | None = None
    if "owner" in path and "name" in path:
        project, what = f"{path['owner']}/{path['name']}", "project"
        return _complete(view, f"{what} {project}", project)
    if "job" in path:
        what, job = f"job {path['job']}", view.get(JobRow, path["job"])
        run = view.get(RunRow, job.run) if job else None
    elif "run" in path:
        what, run = f"run {path['run']}", view.get(RunRow, path["run"])
    elif "submission" in path:
        what = f"submission {path['submission']}"
        run = next(iter(view.find(RunRow, submission=path["submission"], limit=1)), None)
    else:
        return Found()
    return _complete(view, what, run.project if run else None, run, job)


def _complete(
    view: View,
    what: str,
    project: str | None,
    run: RunRow | None = None,
    job: JobRow | None = None,
) -> Found:
    row = view.get(ProjectRow, project) if project else None
    return Found(what, row is None, row, run, job)
