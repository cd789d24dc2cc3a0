"""The syntax tree. A chain such as `a && b && c` is one node, so the tree is never deeper than
the parser's limit; `position` counts characters from 0 in the expression."""

from dataclasses import dataclass
from typing import TypeAlias

from mayfly.workflow.expressions.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value


@dataclass(frozen=True, slots=True)
class Context:
    """A named value, such as `github`."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Index:
    """`target[index]`, and `target.name` with a literal index."""

    target: "Node"
    index: "Node"


@dataclass(frozen=True, slots=True)
class Filter:
    """`target.*` and `target[*]`."""

    target: "Node"


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """`name` as the language spells it if it knows the function, else as it was written."""

    name: str
    arguments: tuple["Node", ...]
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Logical:
    """Two or more operands joined by one operator, `&&` or `||`."""

    operator: str
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two or more operands, compared from left to right; one operator between each two."""

    operators: tuple[str, ...]
    operands: tuple["Node", ...]


Node: TypeAlias = Literal | Context | Index | Filter | FunctionCall | Not | Logical | Comparison


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Index(target, index):
            return target, index
        case Filter(child) | Not(child):
            return (child,)
        case FunctionCall(arguments=operands) | Logical(operands=operands):
            return operands
        case Comparison(operands=operands):
            return operands
    return ()
