"""What a workflow file and an action file may hold, as one table of keys."""

from mayfly.workflow.schema.action import ACTION
from mayfly.workflow.schema.workflow import WORKFLOW

__all__ = ["ACTION", "WORKFLOW"]
