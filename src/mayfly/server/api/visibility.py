"""Lists over several projects: what of them the caller may see."""

from typing import Any

from mayfly.server.people.projects import is_visible, visible
from mayfly.server.people.roles import Actor, sees_all
from mayfly.server.refusals import NotFound
from mayfly.store.base import View
from mayfly.store.rows import ProjectRow


def projects_condition(view: View, actor: Actor, project: str | None) -> dict[str, Any]:
    """Which rows a list over `project`, or over all, may hold. Raises NotFound."""
    if project is not None:
        row = view.get(ProjectRow, project)
        if row is None or not is_visible(actor, row):
            raise NotFound(f"there is no project {project}")
        return {"project": project}
    if sees_all(actor):
        return {}
    return {"project": tuple(row.id for row in visible(view, actor))}
