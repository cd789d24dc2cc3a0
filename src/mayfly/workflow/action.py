"""Action files (action.yml): YAML text in, a typed `Action` out, or every problem at once.

Also runs in the guest, where composite actions are read when their step comes up.
"""

from mayfly.workflow import build
from mayfly.workflow.build import child, text
from mayfly.workflow.model import Action
from mayfly.workflow.nodes import Mapping
from mayfly.workflow.schema import ACTION
from mayfly.workflow.validate import read_valid

COMPOSITE = "composite"


def read_action(data: bytes, file: str) -> Action:
    """The action in `data`; `file` is its name in messages. WorkflowInvalid has all problems.

    A Docker or JavaScript action is read too, with no steps.
    """
    document = read_valid(data, file, ACTION)
    root, source = document.root, document.source
    runs, outputs = child(root, "runs"), child(root, "outputs")
    using = child(runs, "using")
    return Action(
        file=file,
        name=text(child(root, "name")) or "",
        using=text(using) or "",
        location=source.location(root.start if using is None else using.start),
        inputs=build.inputs(child(root, "inputs")),
        outputs={
            name: text(child(entry.value, "value")) or ""
            for name, entry in (outputs.entries if isinstance(outputs, Mapping) else {}).items()
        },
        steps=build.steps(child(runs, "steps"), source),
    )
