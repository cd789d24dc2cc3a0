"""The functions of the language: how they are spelled and how many arguments they take."""

import sys
from typing import NamedTuple


class Signature(NamedTuple):
    name: str
    least: int
    most: int

    def refusal(self, given: int) -> str | None:
        """Why a call with so many arguments is wrong; None if it is right."""
        if not self.least <= given <= self.most:
            return f"{self.name} takes {self._expected()}, not {given}"
        if self.name == "case" and given % 2 == 0:
            return "case takes an odd number of arguments: conditions with values, and a default"
        return None

    def _expected(self) -> str:
        if self.least == self.most:
            return f"{self.least or 'no'} argument{'' if self.least == 1 else 's'}"
        if self.most == sys.maxsize:
            return f"at least {self.least} arguments"
        return f"{self.least} to {self.most} arguments"


STATUS_FUNCTIONS = frozenset({"always", "cancelled", "failure", "success"})

# Those from `always` on are not part of an evaluation by itself: the caller supplies them.
# `success` and `failure` take arguments only where a schema allows it.
_SIGNATURES = (
    Signature("case", 3, sys.maxsize),
    Signature("contains", 2, 2),
    Signature("endsWith", 2, 2),
    Signature("format", 1, 255),
    Signature("fromJSON", 1, 1),
    Signature("join", 1, 2),
    Signature("startsWith", 2, 2),
    Signature("toJSON", 1, 1),
    Signature("always", 0, 0),
    Signature("cancelled", 0, 0),
    Signature("failure", 0, sys.maxsize),
    Signature("hashFiles", 1, 255),
    Signature("success", 0, sys.maxsize),
)
SIGNATURES = {signature.name.lower(): signature for signature in _SIGNATURES}
