"""Lists over several projects: what of them the caller may see."""

from typing import Any

from mayfly.server.people.projects import may_in, visible
from mayfly.server.people.roles import Action, Actor, sees_all
from mayfly.server.refusals import NotFound
from mayfly.store.base import View
from mayfly.store.rows import ProjectRow


def projects_condition(
    view: View, actor: Actor, project: str | None, action: Action = Action.RUN_READ
) -> dict[str, Any]:
    """Which rows a list over `project`, or over all, may hold: where the actor may do this.

    Raises NotFound.
    """
    if project is not None:
        row = view.get(ProjectRow, project)
        if row is None or not may_in(actor, row, action):
            raise NotFound(f"there is no project {project}")
        return {"project": project}
    if sees_all(actor):
        return {}
    return {"project": tuple(row.id for row in visible(view, actor, action))}
