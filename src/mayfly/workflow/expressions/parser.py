"""Tokens to a syntax tree, by recursive descent with operator precedence.

The depth is counted as GitHub counts it and kept far below Python's own recursion limit.
"""

from mayfly.workflow.expressions.errors import ExpressionError
from mayfly.workflow.expressions.lexer import END, LITERAL, NAME, Token, tokens
from mayfly.workflow.expressions.nodes import (
    Comparison,
    Context,
    Filter,
    FunctionCall,
    Index,
    Literal,
    Logical,
    Node,
    Not,
)
from mayfly.workflow.expressions.signatures import SIGNATURES

MAX_DEPTH = 50

_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))  # loosest first
_LEVEL = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_LOGICAL_LEVELS = 2
_NO_OPERATOR = -1


def parse_tree(text: str) -> Node:
    """The tree of a whole expression; ExpressionError where it does not follow the grammar."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str):
        self._tokens = tokens(text)
        self._offset = 0
        self._depth = 0

    def whole(self) -> Node:
        if self._kind() == END:
            raise ExpressionError("an expression was expected, but there is none", 0)
        root = self._expression()
        if self._kind() != END:
            raise self._unexpected()
        return root

    def _expression(self) -> Node:
        self._descend()
        node = self._operation(lowest=0)
        self._ascend()
        return node

    def _operation(self, lowest: int) -> Node:
        """An operand and every operator after it that binds at least as tightly as `lowest`."""
        node = self._operand()
        while (level := _LEVEL.get(self._kind(), _NO_OPERATOR)) >= lowest:
            node = self._chain(node, level)
        return node

    def _chain(self, first: Node, level: int) -> Node:
        """`first` and all the operands that operators of one level join to it."""
        logical = level < _LOGICAL_LEVELS
        if logical:
            self._descend()
        operands = [first]
        operators = []
        while _LEVEL.get(self._kind()) == level:
            operators.append(self._advance().kind)
            operands.append(self._operation(lowest=level + 1))
        if not logical:
            return Comparison(tuple(operators), tuple(operands))
        self._ascend()
        return Logical(operators[0], tuple(operands))

    def _operand(self) -> Node:
        if self._kind() == "!":
            self._descend()
            self._advance()
            node = Not(self._operand())
            self._ascend()
            return node
        if self._kind() == LITERAL:
            return Literal(self._advance().value)
        return self._accesses(self._primary())

    def _primary(self) -> Node:
        if self._kind() == "(":
            self._advance()
            node = self._expression()
            self._expect(")")
            return node
        if self._kind() != NAME:
            raise self._unexpected()
        name = self._advance()
        if self._kind() == "(":
            return self._call(name)
        return Context(name.text, name.position)

    def _call(self, name: Token) -> Node:
        self._expect("(")
        arguments: list[Node] = []
        while self._kind() != ")":
            if arguments:
                self._expect(",")
            arguments.append(self._expression())
        self._advance()
        signature = SIGNATURES.get(name.text.lower())
        if signature and (refusal := signature.refusal(len(arguments))):
            raise ExpressionError(refusal, name.position)
        called = signature.name if signature else name.text
        return FunctionCall(called, tuple(arguments), name.position)

    def _accesses(self, target: Node) -> Node:
        """`target` with every `.name`, `.*`, `[index]` and `[*]` that follows it."""
        depth = self._depth
        while self._kind() in {".", "["}:
            if self._advance().kind == ".":
                self._descend()
                target = self._property(target)
            else:
                target = self._index(target)
                self._descend()
        self._depth = depth
        return target

    def _property(self, target: Node) -> Node:
        if self._kind() == "*":
            self._advance()
            return Filter(target)
        if self._kind() != NAME:
            raise self._unexpected()
        return Index(target, Literal(self._advance().text))

    def _index(self, target: Node) -> Node:
        if self._kind() == "*":
            self._advance()
            node: Node = Filter(target)
        else:
            node = Index(target, self._expression())
        self._expect("]")
        return node

    def _kind(self) -> str:
        return self._tokens[self._offset].kind

    def _advance(self) -> Token:
        token = self._tokens[self._offset]
        self._offset += 1
        return token

    def _expect(self, kind: str) -> None:
        if self._kind() != kind:
            raise self._unexpected(kind)
        self._advance()

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(
                f"the expression is nested more than {MAX_DEPTH} levels deep",
                self._tokens[self._offset].position,
            )

    def _ascend(self) -> None:
        self._depth -= 1

    def _unexpected(self, expected: str | None = None) -> ExpressionError:
        token = self._tokens[self._offset]
        found = "the expression ends" if token.kind == END else f"unexpected '{token.text[:50]}'"
        instead = f" where '{expected}' was expected" if expected else ""
        if token.kind == END and not expected:
            instead = " where a value was expected"
        return ExpressionError(f"{found}{instead}", token.position)
