"""The table of an action file (action.yml).

It takes what the runner takes, which is more than GitHub's editor lets pass: other people's
actions have to work. So keys that nobody reads are no error at the top and in an input.
"""

from mayfly.workflow.schema import literals, rules
from mayfly.workflow.schema.types import (
    ANY,
    BOOLEAN,
    TEXT,
    WORD,
    Value,
    allowed,
    condition,
    list_of,
    mapping,
    names,
    one_of,
    required,
    shape,
    text,
    word,
)

_DEFAULT = allowed("github strategy matrix job runner hashFiles(1,255)")
_OUTPUT = allowed("github strategy matrix steps inputs job runner env")
_ARGUMENT = allowed("inputs")
_STEP = allowed("github inputs strategy matrix steps job runner env hashFiles(1,255)")
_STEP_IF = allowed(
    "github inputs strategy matrix steps job runner env hashFiles(1,255) "
    "always(0,0) failure(0,0) cancelled(0,0) success(0,0)"
)
_RUNS_IF = allowed(
    "runner github job strategy matrix env inputs hashFiles(1,255) "
    "always(0,0) success(0,0) failure(0,0) cancelled(0,0)"
)

_STEP_KEYS = {
    "name": TEXT.using(_STEP),
    "id": word(literals.identifier),
    "if": condition(_STEP_IF),
    "env": names("'env'", TEXT).using(_STEP),
    "continue-on-error": BOOLEAN.using(_STEP),
}
_RUN_STEP = shape(
    "a step that runs a command",
    {
        "run": required(TEXT.using(_STEP)),
        "shell": required(text(literals.shell).using(_STEP)),
        "working-directory": TEXT.using(_STEP),
        **_STEP_KEYS,
    },
    marker="run",
)
_USES_STEP = shape(
    "a step that uses an action",
    {
        "uses": required(word(literals.step_uses)),
        "with": names("'with'", TEXT).using(_STEP),
        **_STEP_KEYS,
    },
    marker="uses",
)
_DOCKER = shape(
    "'runs' of a Docker action",
    {
        "using": required(one_of("docker")),
        "image": required(WORD),
        "entrypoint": WORD,
        "args": list_of(TEXT.using(_ARGUMENT)),
        "env": names("'env'", TEXT).using(_ARGUMENT),
        "pre-entrypoint": WORD,
        "pre-if": condition(_RUNS_IF),
        "post-entrypoint": WORD,
        "post-if": condition(_RUNS_IF),
    },
    marker="using=docker",
)
_NODE = shape(
    "'runs' of a JavaScript action",
    {
        "using": required(one_of("node12 node16 node20 node24")),
        "main": required(WORD),
        "pre": WORD,
        "pre-if": condition(_RUNS_IF),
        "post": WORD,
        "post-if": condition(_RUNS_IF),
    },
    marker="using=node12|node16|node20|node24",
)
_COMPOSITE = shape(
    "'runs' of a composite action",
    {
        "using": required(one_of("composite")),
        "steps": required(list_of(Value(shapes=(_RUN_STEP, _USES_STEP)))),
    },
    rules.step_ids_differ,
    marker="using=composite",
)
_INPUT = mapping(
    "an input",
    {
        "description": TEXT,
        "required": TEXT,
        "default": TEXT.using(_DEFAULT),
        "deprecationMessage": TEXT,
    },
    other=ANY,
)

ACTION = mapping(
    "an action",
    {
        "name": TEXT,
        "author": TEXT,
        "description": TEXT,
        "inputs": names("'inputs'", _INPUT),
        "outputs": names(
            "'outputs'", mapping("an output", {"description": TEXT, "value": TEXT.using(_OUTPUT)})
        ),
        "runs": required(Value(shapes=(_DOCKER, _NODE, _COMPOSITE))),
        "branding": mapping("'branding'", {"icon": TEXT, "color": TEXT}),
    },
    other=ANY,
)
