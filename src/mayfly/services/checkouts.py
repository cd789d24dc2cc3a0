"""What the checkout steps of a run ask for, as far as it can be known before they run."""

import re

from mayfly.workflow.model import Step
from mayfly.workflow.support import is_checkout

_ONE_COMMIT = frozenset({"", "1"})
_FALSE = frozenset({"", "false"})
# Each of these is the commit that is run, or the ref it is run for.
_OF_THE_RUN = frozenset(
    {
        "",
        "github.sha",
        "github.ref",
        "github.head_ref",
        "github.event.pull_request.head.sha",
        "github.event.pull_request.head.ref",
    }
)
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")


def wants_history(step: Step) -> bool:
    """Whether a checkout needs other commits than the one that is run; if in doubt it does."""
    if not is_checkout(step.uses or ""):
        return False
    given = {name.lower(): value.strip() for name, value in step.with_.items()}
    ref = given.get("ref", "")
    expression = _EXPRESSION.fullmatch(ref)
    return (
        given.get("fetch-depth", "") not in _ONE_COMMIT
        or given.get("fetch-tags", "").lower() not in _FALSE
        or (expression[1] if expression else ref) not in _OF_THE_RUN
    )


def fills_folder(step: Step) -> bool:
    """Whether a checkout puts files below a folder of the workspace, unlike in the clone."""
    return is_checkout(step.uses or "") and any(name.lower() == "path" for name in step.with_)
