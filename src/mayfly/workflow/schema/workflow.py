"""The table of a workflow file: which keys there are, what they hold, what expressions may use.

Contexts and functions are spelled as in GitHub's schema; a test compares the two.
"""

from mayfly.workflow.schema import literals, rules
from mayfly.workflow.schema.events import ON
from mayfly.workflow.schema.types import (
    ANY,
    BOOLEAN,
    SCALAR,
    TEXT,
    WORD,
    Value,
    allowed,
    condition,
    either,
    list_of,
    mapping,
    names,
    number,
    one_of,
    required,
    shape,
    word,
    word_or_words,
)

_RUN = allowed("github inputs vars")
_ENV = allowed("github inputs vars secrets")
_NEEDS = allowed("github inputs vars needs")
_MATRIX = allowed("github inputs vars needs strategy matrix")
_JOB_ENV = allowed("github inputs vars needs strategy matrix secrets")
_DEFAULTS = allowed("github inputs vars needs strategy matrix env")
_RUNNER = allowed("github inputs vars needs strategy matrix secrets steps job runner env")
_URL = allowed("github inputs vars needs strategy matrix steps job runner env")
_CREDENTIALS = allowed("github inputs vars needs strategy matrix secrets env")
_STEP = allowed(
    "github inputs vars needs strategy matrix secrets steps job runner env hashFiles(1,255)"
)
_STEP_IF = allowed(
    "github inputs vars needs strategy matrix steps job runner env hashFiles(1,255) "
    "always(0,0) failure(0,0) cancelled(0,0) success(0,0)"
)
_JOB_IF = allowed(
    "github inputs vars needs always(0,0) failure(0,MAX) cancelled(0,0) success(0,MAX)"
)

_ANY_LEVEL = one_of("read write none")
_PERMISSIONS = either(
    one_of("read-all write-all"),
    mapping(
        "'permissions'",
        {
            "actions": _ANY_LEVEL,
            "artifact-metadata": _ANY_LEVEL,
            "attestations": _ANY_LEVEL,
            "checks": _ANY_LEVEL,
            "code-quality": _ANY_LEVEL,
            "contents": _ANY_LEVEL,
            "copilot-requests": one_of("write none"),
            "deployments": _ANY_LEVEL,
            "discussions": _ANY_LEVEL,
            "drives": _ANY_LEVEL,
            "id-token": one_of("write none"),
            "issues": _ANY_LEVEL,
            "models": one_of("read none"),
            "packages": _ANY_LEVEL,
            "pages": _ANY_LEVEL,
            "pull-requests": _ANY_LEVEL,
            "repository-projects": _ANY_LEVEL,
            "security-events": _ANY_LEVEL,
            "statuses": _ANY_LEVEL,
            "vulnerability-alerts": one_of("read none"),
        },
    ),
)
_CONCURRENCY = mapping(
    "'concurrency'",
    {
        "group": required(WORD),
        "cancel-in-progress": BOOLEAN,
        "queue": one_of("single max"),
    },
)
_DEFAULTS_RUN = mapping(
    "'defaults.run'", {"shell": word(literals.shell), "working-directory": WORD}
)


def _defaults(run: Value) -> Value:
    return mapping("'defaults'", {"run": run})


_MATRIX_ROWS = list_of(names("a matrix entry", ANY).or_template()).or_template()
_STRATEGY = mapping(
    "'strategy'",
    {
        "fail-fast": BOOLEAN,
        "max-parallel": number(literals.positive_integer),
        "matrix": mapping(
            "'matrix'",
            {"include": _MATRIX_ROWS, "exclude": _MATRIX_ROWS},
            rules.matrix_has_values,
            other=list_of(ANY).or_template(),
        ).or_template(),
    },
).using(_NEEDS)
_RUNS_ON = either(
    word_or_words(), mapping("'runs-on'", {"group": WORD, "labels": word_or_words()})
).using(_MATRIX)
_ENVIRONMENT = either(
    TEXT,
    mapping(
        "'environment'",
        {"name": required(TEXT), "url": TEXT.using(_URL), "deployment": BOOLEAN},
    ),
).using(_MATRIX)
_CONTAINER_KEYS = {
    "image": WORD,
    "options": TEXT,
    "env": names("'env'", TEXT.using(_RUNNER)).or_template(),
    "ports": list_of(WORD).or_template(),
    "volumes": list_of(WORD).or_template(),
    "credentials": mapping("'credentials'", {"username": WORD, "password": WORD})
    .using(_CREDENTIALS)
    .or_template(),
}
_CONTAINER = either(TEXT, mapping("'container'", _CONTAINER_KEYS, rules.image_is_named)).using(
    _MATRIX
)
_SERVICE = either(
    WORD,
    mapping(
        "a service", {**_CONTAINER_KEYS, "entrypoint": TEXT, "command": TEXT}, rules.image_is_named
    ),
)
_SNAPSHOT = either(
    WORD,
    mapping(
        "'snapshot'",
        {"image-name": required(WORD), "if": condition(_MATRIX), "version": WORD},
    ),
)

_STEP_KEYS = {
    "name": TEXT.using(_STEP),
    "id": word(literals.identifier),
    "if": condition(_STEP_IF),
    "continue-on-error": BOOLEAN.using(_STEP),
    "timeout-minutes": number(literals.positive).using(_STEP),
    "env": names("'env'", TEXT).using(_STEP),
}
_RUN_STEP = shape(
    "a step that runs a command",
    {
        "run": required(TEXT.using(_STEP)),
        "shell": word(literals.shell),
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
_JOB_KEYS = {
    "name": TEXT.using(_MATRIX),
    "needs": word_or_words(),
    "if": condition(_JOB_IF),
    "permissions": _PERMISSIONS,
    "concurrency": either(WORD, _CONCURRENCY).using(_MATRIX),
    "strategy": _STRATEGY,
}
_CALL_JOB = shape(
    "a job that calls a workflow",
    {
        "uses": required(word(literals.called_workflow)),
        "with": names("'with'", SCALAR.using(_MATRIX)),
        "secrets": either(one_of("inherit"), names("'secrets'", SCALAR.using(_JOB_ENV))),
        **_JOB_KEYS,
    },
    marker="uses",
)
_JOB = shape(
    "a job",
    {
        "runs-on": required(_RUNS_ON),
        "env": names("'env'", TEXT).using(_JOB_ENV).or_template(),
        "defaults": _defaults(_DEFAULTS_RUN.using(_DEFAULTS)),
        "environment": _ENVIRONMENT,
        "outputs": names("'outputs'", TEXT.using(_RUNNER)),
        "timeout-minutes": number(literals.positive).using(_MATRIX),
        "cancel-timeout-minutes": number(literals.positive).using(_MATRIX),
        "continue-on-error": BOOLEAN.using(_MATRIX),
        "container": _CONTAINER.or_template(),
        "services": names("'services'", _SERVICE).using(_MATRIX).or_template(),
        "snapshot": _SNAPSHOT,
        "steps": list_of(Value(shapes=(_RUN_STEP, _USES_STEP))),
        **_JOB_KEYS,
    },
    rules.some_step,
    rules.step_ids_differ,
)

WORKFLOW = mapping(
    "a workflow",
    {
        "on": required(ON),
        "name": TEXT,
        "description": TEXT,
        "run-name": TEXT.using(_RUN),
        "defaults": _defaults(_DEFAULTS_RUN),
        "env": names("'env'", TEXT).using(_ENV).or_template(),
        "permissions": _PERMISSIONS,
        "concurrency": either(TEXT, _CONCURRENCY).using(_RUN),
        "jobs": required(
            names(
                "'jobs'",
                Value(shapes=(_CALL_JOB, _JOB)),
                rules.needs_lead_somewhere,
                check=literals.identifier,
            )
        ),
    },
    rules.some_event,
    rules.some_job,
)
