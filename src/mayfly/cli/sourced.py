"""Problems of workflow files together with the lines they are about."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from mayfly.domain.errors import InvalidInput, Problem, WorkflowInvalid
from mayfly.services.repository import Repository


class SourcedProblems(WorkflowInvalid):
    """`lines` has the text of each place that could be read, by file and line."""

    def __init__(self, error: WorkflowInvalid, lines: Mapping[tuple[str, int], str]):
        super().__init__(error.problems)
        self.remedy = error.remedy
        self.lines = lines


@contextlib.asynccontextmanager
async def with_sources(repository: Repository) -> AsyncIterator[None]:
    """A WorkflowInvalid raised inside leaves with the lines of the clone's files."""
    try:
        yield
    except WorkflowInvalid as error:
        lines = await _lines(repository, error.problems)
        raise SourcedProblems(error, lines) from error


async def _lines(repository: Repository, problems: Sequence[Problem]) -> dict[tuple[str, int], str]:
    found = {}
    for file in {problem.file for problem in problems}:
        with contextlib.suppress(InvalidInput):  # a place in a fetched action
            text = (await repository.file(file)).decode(errors="replace").split("\n")
            for problem in problems:
                if problem.file == file and 0 < problem.line <= len(text):
                    found[file, problem.line] = text[problem.line - 1]
    return found
