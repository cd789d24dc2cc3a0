"""Our table of keys against the schema that GitHub publishes on npm, key by key."""

import json
from collections import defaultdict
from typing import Any, TypeAlias

from tests.oracle import node_modules

from mayfly.workflow.schema import ACTION, WORKFLOW
from mayfly.workflow.schema.types import Allowed, Literal, Shape, Value, allowed

Facts: TypeAlias = dict[str, set[Any]]
"""Path in a file → what is known of the place: kinds of scalars, keys, contexts."""


def official(kind: str) -> dict[str, Any]:
    package = node_modules() / "@actions" / "workflow-parser" / "dist"
    definitions: dict[str, Any] = json.loads((package / f"{kind}-v1.0.min.json").read_text())[
        "definitions"
    ]
    return definitions


def test_workflow_table_is_the_official_one_with_these_differences() -> None:
    definitions = official("workflow")
    # A slip of theirs: `on: repository_dispatch` would be an error.
    definitions["repository-dispatch-string"]["string"]["constant"] = "repository_dispatch"
    # Background steps are behind a flag of GitHub's that is off.
    definitions["steps-item"]["one-of"] = ["run-step", "regular-step"]
    del definitions["run-step"]["mapping"]["properties"]["background"]
    del definitions["regular-step"]["mapping"]["properties"]["background"]
    assert ours(WORKFLOW) == theirs(definitions, "workflow-root-strict")


def test_action_table_is_the_official_one_with_these_differences() -> None:
    definitions = official("action")
    root = definitions["action-root-strict"]["mapping"]
    # The runner asks for no name and description, and keys that nobody reads do not disturb it.
    root |= {"loose-key-type": "non-empty-string", "loose-value-type": "any"}
    root["properties"]["name"] = "string"
    root["properties"]["description"] = "string"
    # It takes `required: 'true'`, too.
    definitions["input-strict"]["mapping"]["properties"]["required"] = "string"
    # Only a marketplace looks at icons and colours.
    definitions["branding-icon"] = definitions["branding-color"] = {"string": {}}
    # Each of our forms of `runs` is known by its own value of `using`.
    for form, words in {
        "container": ["docker"],
        "node": ["node12", "node16", "node20", "node24"],
        "composite": ["composite"],
    }.items():
        definitions[f"using-{form}"] = {"allowed-values": words}
        properties = definitions[f"{form}-runs-strict"]["mapping"]["properties"]
        assert set(words) <= set(definitions["using"]["allowed-values"])
        properties["using"] = {"type": f"using-{form}", "required": True}
    assert ours(ACTION) == theirs(definitions, "action-root-strict")


def ours(root: Value) -> Facts:
    facts: Facts = defaultdict(set)

    def visit(path: str, value: Value, around: frozenset[str]) -> None:
        uses = _uses(value.allowed) if value.allowed else around
        if value.anything:
            facts[f"{path} kinds"].add("any")
            return
        facts[f"{path} expressions"].add(uses)
        facts[f"{path} kinds"] |= {kind for literal in value.literals for kind in _kinds(literal)}
        if value.items:
            visit(f"{path}[]", value.items, uses)
        for shape in value.shapes:
            facts[f"{path} keys"].add(_keys(shape))
            for name, key in shape.keys.items():
                visit(f"{path}.{name}", key.value, uses)
            if shape.other:
                visit(f"{path}.*", shape.other, uses)

    visit("", root, frozenset())
    return {path: known for path, known in facts.items() if known}


def _kinds(literal: Literal) -> set[str]:
    if literal.values:
        return {f"={word}" for word in literal.values}
    names: dict[type, str] = {bool: "boolean", float: "number", type(None): "null"}
    return {names.get(literal.kind, "word" if literal.non_empty else "text")}


def _keys(shape: Shape) -> frozenset[str]:
    keys = {f"{name}{'!' * key.required}" for name, key in shape.keys.items()}
    return frozenset(keys | ({"*"} if shape.other else set()))


def _uses(given: Allowed) -> frozenset[str]:
    return given.contexts | {f"{name}{bounds}" for name, bounds in given.functions.items()}


def theirs(definitions: dict[str, Any], root: str) -> Facts:
    schema = _OfficialSchema({**_BUILT_IN, **definitions})
    schema.visit("", root, frozenset())
    for path, kinds in schema.facts.items():
        if path.endswith(" kinds") and "text" in kinds:
            kinds -= {"boolean", "number"}  # text takes them
    return {path: known for path, known in schema.facts.items() if known}


_BUILT_IN: dict[str, Any] = {
    "null": {"null": {}},
    "boolean": {"boolean": {}},
    "number": {"number": {}},
    "string": {"string": {}},
    "sequence": {"sequence": {"item-type": "any"}},
}


class _OfficialSchema:
    def __init__(self, definitions: dict[str, Any]):
        self.definitions = definitions
        self.facts: Facts = defaultdict(set)

    def visit(self, path: str, name: str, around: frozenset[str]) -> None:
        if name == "any":
            self.facts[f"{path} kinds"].add("any")
            return
        definition = self.definitions[name]
        uses = around | _uses(allowed(" ".join(definition.get("context", ()))))
        if "one-of" in definition:
            for choice in definition["one-of"]:
                self.visit(path, choice, uses)
            return
        self.facts[f"{path} kinds"] |= _official_kinds(definition)
        self.facts[f"{path} expressions"].add(uses)
        if "sequence" in definition:
            self.visit(f"{path}[]", definition["sequence"]["item-type"], uses)
        if "mapping" in definition:
            self._mapping(path, definition["mapping"], uses)

    def _mapping(self, path: str, mapping: dict[str, Any], uses: frozenset[str]) -> None:
        keys = {"*"} if "loose-value-type" in mapping else set()
        for key, given in mapping.get("properties", {}).items():
            value = {"type": given} if isinstance(given, str) else given
            keys.add(f"{key}!" if value.get("required") else key)
            self.visit(f"{path}.{key}", value["type"], uses)
        self.facts[f"{path} keys"].add(frozenset(keys))
        if "loose-value-type" in mapping:
            self.visit(f"{path}.*", mapping["loose-value-type"], uses)


def _official_kinds(definition: dict[str, Any]) -> set[str]:
    if "allowed-values" in definition:
        return {f"={word}" for word in definition["allowed-values"]}
    if "string" in definition:
        rule = definition["string"]
        if "constant" in rule:
            return {f"={rule['constant']}"}
        return {"word" if rule.get("require-non-empty") else "text"}
    return {kind for kind in ("boolean", "number", "null") if kind in definition}
