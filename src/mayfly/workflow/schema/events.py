"""The table, part `on`: every event, its activity types and its filters."""

from mayfly.workflow.schema import literals, rules
from mayfly.workflow.schema.types import (
    BOOLEAN,
    NOTHING,
    SCALAR,
    TEXT,
    WORD,
    Key,
    Value,
    allowed,
    either,
    list_of,
    mapping,
    names,
    one_of,
    required,
    word,
    word_or_words,
)

_PATTERNS = word_or_words(word(literals.pattern))


def _event(types: str = "", filters: str = "", **more: Value) -> Value:
    """An event whose `types` are these, with filters of these kinds, each with an `-ignore`."""
    keys: dict[str, Value | Key] = dict(more)
    if types:
        keys["types"] = word_or_words(one_of(types))
    for name in filters.split():
        keys[name] = keys[f"{name}-ignore"] = _PATTERNS
    if not keys:
        return NOTHING
    return either(NOTHING, mapping("an event", keys, rules.no_filter_twice))


_CHANGED = "created edited deleted"
_PULL_REQUEST = (
    "assigned unassigned labeled unlabeled opened edited closed reopened synchronize "
    "converted_to_draft locked unlocked enqueued dequeued milestoned demilestoned "
    "ready_for_review review_requested review_request_removed auto_merge_enabled "
    "auto_merge_disabled stacked"
)
_SCHEDULE = list_of(
    mapping("a schedule", {"cron": required(word(literals.cron)), "timezone": WORD})
)
_CALL_INPUT = mapping(
    "an input",
    {
        "description": TEXT,
        "type": required(one_of("string boolean number")),
        "required": BOOLEAN,
        "default": SCALAR.using(allowed("github inputs vars")),
    },
    rules.default_fits,
)
_CALL_SECRET = either(NOTHING, mapping("a secret", {"description": TEXT, "required": BOOLEAN}))
_CALL_OUTPUT = mapping(
    "an output",
    {
        "description": TEXT,
        "value": required(TEXT.using(allowed("github inputs vars jobs"))),
    },
)
_CALL = either(
    NOTHING,
    mapping(
        "'workflow_call'",
        {
            "inputs": names("'inputs'", _CALL_INPUT),
            "secrets": names("'secrets'", _CALL_SECRET, check=literals.secret_name),
            "outputs": names("'outputs'", _CALL_OUTPUT),
        },
    ),
)
_DISPATCH_INPUT = mapping(
    "an input",
    {
        "description": TEXT,
        "type": one_of("string boolean number environment choice"),
        "required": BOOLEAN,
        "default": SCALAR,
        "options": list_of(TEXT),
    },
    rules.default_fits,
    rules.options_belong_to_choice,
)
_DISPATCH = either(
    NOTHING, mapping("'workflow_dispatch'", {"inputs": names("'inputs'", _DISPATCH_INPUT)})
)

EVENTS: dict[str, Value] = {
    "branch_protection_rule": _event(_CHANGED),
    "check_run": _event("completed created rerequested requested_action"),
    "check_suite": _event("completed"),
    "create": _event(),
    "delete": _event(),
    "deployment": _event(),
    "deployment_status": _event(),
    "discussion": _event(
        f"{_CHANGED} transferred pinned unpinned labeled unlabeled locked unlocked "
        "category_changed answered unanswered"
    ),
    "discussion_comment": _event(_CHANGED),
    "fork": _event(),
    "gollum": _event(),
    "image_version": _event(
        "created ready deleted", names=word_or_words(), versions=word_or_words()
    ),
    "issue_comment": _event(_CHANGED),
    "issues": _event(
        "opened edited deleted transferred pinned unpinned closed reopened assigned unassigned "
        "labeled unlabeled locked unlocked milestoned demilestoned field_added field_removed "
        "typed untyped"
    ),
    "label": _event(_CHANGED),
    "merge_group": _event("checks_requested", "branches"),
    "milestone": _event("created closed opened edited deleted"),
    "page_build": _event(),
    "project": _event("created closed reopened edited deleted"),
    "project_card": _event("created moved converted edited deleted"),
    "project_column": _event("created updated moved deleted"),
    "public": _event(),
    "pull_request": _event(_PULL_REQUEST, "branches paths"),
    "pull_request_comment": _event(_CHANGED),
    "pull_request_review": _event("submitted edited dismissed"),
    "pull_request_review_comment": _event(_CHANGED),
    "pull_request_target": _event(_PULL_REQUEST, "branches paths"),
    "push": _event("", "branches tags paths"),
    "registry_package": _event("published updated"),
    "release": _event("published unpublished created edited deleted prereleased released"),
    "repository_dispatch": either(NOTHING, mapping("an event", {"types": list_of(WORD)})),
    "schedule": _SCHEDULE,
    "status": _event(),
    "watch": _event("started"),
    "workflow_call": _CALL,
    "workflow_dispatch": _DISPATCH,
    "workflow_run": _event(
        "requested completed in_progress", "branches", workflows=word_or_words()
    ),
}

ON = either(word_or_words(one_of(" ".join(EVENTS))), mapping("'on'", EVENTS))
