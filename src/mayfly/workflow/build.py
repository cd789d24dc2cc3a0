"""Turns nodes that passed the table into the parts workflows and actions share."""

from mayfly.workflow.model import Input, Located, Step
from mayfly.workflow.nodes import Mapping, Node, Scalar, Sequence, Source, plain


def child(node: Node | None, key: str) -> Node | None:
    """What a mapping holds under `key`; None if there is no such key, or no mapping."""
    return node.get(key) if isinstance(node, Mapping) else None


def text(node: Node | None) -> str | None:
    """A scalar as GitHub prints it."""
    return node.text if isinstance(node, Scalar) else None


def words(node: Node | None) -> tuple[str, ...] | None:
    """A word or a list of words; None if it is not given."""
    if node is None:
        return None
    if isinstance(node, Sequence):
        return tuple(item.text for item in node.items if isinstance(item, Scalar))
    return (node.text,) if isinstance(node, Scalar) else ()


def table(node: Node | None) -> dict[str, str]:
    """A mapping from words to scalars."""
    if not isinstance(node, Mapping):
        return {}
    return {
        key: entry.value.text
        for key, entry in node.entries.items()
        if isinstance(entry.value, Scalar)
    }


def table_or_template(node: Node | None) -> dict[str, str] | str:
    if isinstance(node, Scalar) and node.text:
        return node.text
    return table(node)


def located(node: Node | None, source: Source) -> Located | None:
    if node is None:
        return None
    return Located(source.location(node.start), plain(node))


def steps(node: Node | None, source: Source) -> tuple[Step, ...]:
    items = node.items if isinstance(node, Sequence) else []
    return tuple(_step(item, source) for item in items)


def _step(node: Node, source: Source) -> Step:
    uses = child(node, "uses")
    return Step(
        location=source.location(node.start),
        id=text(child(node, "id")),
        name=text(child(node, "name")),
        condition=text(child(node, "if")),
        run=text(child(node, "run")),
        uses=text(uses),
        with_=table(child(node, "with")),
        env=table(child(node, "env")),
        shell=text(child(node, "shell")),
        working_directory=text(child(node, "working-directory")),
        continue_on_error=text(child(node, "continue-on-error")),
        timeout_minutes=text(child(node, "timeout-minutes")),
        uses_at=None if uses is None else source.location(uses.start),
    )


def inputs(node: Node | None) -> tuple[Input, ...]:
    entries = node.entries if isinstance(node, Mapping) else {}
    return tuple(_input(name, entry.value) for name, entry in entries.items())


def _input(name: str, node: Node) -> Input:
    default = child(node, "default")
    return Input(
        name=name,
        type=text(child(node, "type")) or "string",
        description=text(child(node, "description")),
        required=text(child(node, "required")) == "true",
        default=None if default is None else plain(default),
        options=words(child(node, "options")) or (),
        deprecation=text(child(node, "deprecationMessage")),
    )
