"""How many jobs of a project may be unfinished at once: looked at where runs begin.

Jobs that a run gets later (of a matrix that is known only then, say) count and are not refused:
half a run would be worse than a few jobs too many.
"""

from mayfly.domain.job import JobState
from mayfly.server.refusals import Conflict
from mayfly.store.base import View
from mayfly.store.rows import JobRow, ProjectRow

_UNFINISHED = tuple(state for state in JobState if not state.is_final)


def unfinished(view: View, **of: str | tuple[str, ...]) -> int:
    """The jobs of a `project`, or of some of `run`, that wait or run."""
    return view.count(JobRow, state=_UNFINISHED, **of)


def room(view: View, project: ProjectRow) -> int | None:
    """For how many more jobs there is room; None: for any number."""
    quota = project.quota_unfinished
    return None if quota is None else max(0, quota - unfinished(view, project=project.id))


class Room:
    """What there is in one transaction, of which runs take as they begin. All raise Conflict."""

    def __init__(self, view: View, project: ProjectRow):
        self._view = view
        self._project = project
        self._left = room(view, project)
        if self._left == 0:
            raise self._full()

    def take(self, *runs: str) -> None:
        """For the jobs of runs that have begun."""
        if self._left is None:
            return
        self._left -= unfinished(self._view, run=runs)
        if self._left < 0:
            raise self._full()

    def _full(self) -> Conflict:
        project, quota = self._project.id, self._project.quota_unfinished
        return Conflict(
            f"{project} may have {quota} jobs that wait or run, and would have more",
            remedy="wait until some have ended, or cancel what nobody needs; an administrator of "
            "the server can raise the project's quota of unfinished jobs",
        )
