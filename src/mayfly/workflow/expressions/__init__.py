"""The GitHub Actions expression language: text to tree, tree and contexts to a value. Pure.

`parse` reads one expression, `Template` a text with `${{ }}` in it, `Condition` the text of an
`if`. All three know statically which contexts and functions they use (`references`, `calls`), so
that a workflow can be checked before it runs. Everything is bounded: length, depth, the text an
evaluation makes and the items it looks at.

The semantics are those of `@actions/expressions` on npm, and the tests hold them against it.
Where it differs from the runner that executes workflows, or from JSON itself, we follow the latter:

- every `''` in a string is an escaped quote (npm: only the first);
- `case` evaluates only the branch it takes (npm: all of them);
- a comma before `)` is refused (npm: accepted), and so is anything but digits in a placeholder
  of `format`, such as `{0:x}` (npm: ignored);
- keys keep their order and may have any name (npm: digits sort first; `constructor` is lost);
- an object given by the caller may hold keys that differ only in case: the exact one wins.

Where npm and the runner differ in numbers we follow npm, which is JavaScript: 1e21 is printed so
(runner: 1E+21) and 0xFFFFFFFF is 4294967295 (runner: -1).
"""

from mayfly.workflow.expressions.condition import Condition
from mayfly.workflow.expressions.errors import ExpressionError, FunctionFailed
from mayfly.workflow.expressions.evaluator import Contexts, Function, Functions
from mayfly.workflow.expressions.expression import (
    Call,
    Expression,
    Reference,
    parse,
)
from mayfly.workflow.expressions.signatures import SIGNATURES, STATUS_FUNCTIONS, Signature
from mayfly.workflow.expressions.template import Embedded, Template
from mayfly.workflow.expressions.values import Value, is_truthy, to_number, to_string

__all__ = [
    "SIGNATURES",
    "STATUS_FUNCTIONS",
    "Call",
    "Condition",
    "Contexts",
    "Embedded",
    "Expression",
    "ExpressionError",
    "Function",
    "FunctionFailed",
    "Functions",
    "Reference",
    "Signature",
    "Template",
    "Value",
    "is_truthy",
    "parse",
    "to_number",
    "to_string",
]
