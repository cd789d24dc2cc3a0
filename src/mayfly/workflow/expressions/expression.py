"""One expression: what it uses, and its value. What callers of the package hold."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

from mayfly.workflow.expressions.evaluator import Contexts, Functions, Scope, evaluate
from mayfly.workflow.expressions.nodes import (
    Context,
    Filter,
    FunctionCall,
    Index,
    Literal,
    Node,
    children,
)
from mayfly.workflow.expressions.parser import parse_tree
from mayfly.workflow.expressions.signatures import STATUS_FUNCTIONS
from mayfly.workflow.expressions.values import Value, to_string

_CACHED_EXPRESSIONS = 4096
NO_FUNCTIONS: Functions = {}


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of a context: `needs.build.outputs['x']` is `needs` and (build, outputs, x).

    `context` is in lower case, `path` as written; an element that is known only when the
    expression is evaluated, and a filter `*`, is None.
    """

    context: str
    path: tuple[str | None, ...]
    position: int

    def moved(self, offset: int) -> Self:
        return replace(self, position=self.position + offset)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, spelled as GitHub's documentation spells it if it is a known one."""

    name: str
    arguments: int
    position: int

    def moved(self, offset: int) -> Self:
        return replace(self, position=self.position + offset)

    @property
    def asks_status(self) -> bool:
        """True for success, failure, always and cancelled, which replace an implied success()."""
        return self.name in STATUS_FUNCTIONS


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; `references` and `calls` are in the order of their positions."""

    text: str
    root: Node = field(repr=False)
    references: tuple[Reference, ...] = field(repr=False)
    calls: tuple[Call, ...] = field(repr=False)

    def evaluate(self, contexts: Contexts, functions: Functions = NO_FUNCTIONS) -> Value:
        """The value, given named values and the functions that are not the language's own.

        An unknown context is null. ExpressionError if a function is unknown or refuses its
        arguments, or if the evaluation makes more than 10 MB of text.
        """
        return evaluate(self.root, Scope(contexts, functions))


@lru_cache(maxsize=_CACHED_EXPRESSIONS)
def parse(text: str) -> Expression:
    """Read an expression, without its `${{ }}`; ExpressionError says what is wrong, and where."""
    root = parse_tree(text)
    references, calls = _uses(root)
    return Expression(text, root, references, calls)


def _uses(root: Node) -> tuple[tuple[Reference, ...], tuple[Call, ...]]:
    references: list[Reference] = []
    calls: list[Call] = []
    waiting = [root]
    while waiting:
        node, path, indices = _unwound(waiting.pop())
        waiting += indices
        if isinstance(node, Context):
            references.append(Reference(node.name.lower(), path, node.position))
        elif isinstance(node, FunctionCall):
            calls.append(Call(node.name, len(node.arguments), node.position))
        waiting += children(node)
    references.sort(key=lambda reference: reference.position)
    calls.sort(key=lambda call: call.position)
    return tuple(references), tuple(calls)


def _unwound(node: Node) -> tuple[Node, tuple[str | None, ...], list[Node]]:
    """What a chain of accesses begins with, its path, and the indices that are not literals."""
    path: list[str | None] = []
    indices: list[Node] = []
    while isinstance(node, (Index, Filter)):
        if isinstance(node, Filter):
            path.append(None)
        elif isinstance(node.index, Literal):
            path.append(to_string(node.index.value))
        else:
            path.append(None)
            indices.append(node.index)
        node = node.target
    return node, tuple(reversed(path)), indices
