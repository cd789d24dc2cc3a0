"""The text of an `if`: an expression whose `${{ }}` may be left out, with success() implied."""

from dataclasses import dataclass
from typing import Self

from mayfly.workflow.expressions.evaluator import Contexts, Functions
from mayfly.workflow.expressions.expression import NO_FUNCTIONS, Call, Reference, parse
from mayfly.workflow.expressions.template import Embedded, Template
from mayfly.workflow.expressions.values import is_truthy

_SUCCESS = "success()"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it is written; the implied success() shows in no list of uses."""

    template: Template

    @classmethod
    def parse(cls, text: str) -> Self:
        """Blank text is success(). ExpressionError as for a template."""
        if "${{" in text:
            return cls(Template.parse(text))
        return cls(Template(text, (Embedded(parse(text if text.strip() else _SUCCESS), 0),)))

    @property
    def references(self) -> tuple[Reference, ...]:
        return self.template.references

    @property
    def calls(self) -> tuple[Call, ...]:
        return self.template.calls

    @property
    def asks_status(self) -> bool:
        """Whether it calls a status function, so that no success() is implied."""
        return any(call.asks_status for call in self.calls)

    def evaluate(self, contexts: Contexts, functions: Functions = NO_FUNCTIONS) -> bool:
        """Whether it holds; false without evaluating it if the implied success() is false."""
        if not self.asks_status and not is_truthy(parse(_SUCCESS).evaluate(contexts, functions)):
            return False
        return is_truthy(self.template.evaluate(contexts, functions))
