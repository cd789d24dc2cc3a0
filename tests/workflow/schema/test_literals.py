import pytest

from mayfly.workflow.schema import literals


@pytest.mark.parametrize("text", ["a", "_", "build-1", "A_b", "a" * 99])
def test_ids(text: str) -> None:
    assert literals.identifier(text) is None


@pytest.mark.parametrize("text", ["", "1a", "-a", "a.b", "a b", "é", "__a", "a" * 100])
def test_no_ids(text: str) -> None:
    assert literals.identifier(text)


@pytest.mark.parametrize(
    "text",
    [
        "actions/checkout@v4",
        "owner/repo.name/deep/path@feature/x",
        "./.github/actions/x",
        "./",
        "$/actions/x",
        "docker://alpine:3",
        "github/codeql-action/init@0123456789012345678901234567890123456789",
    ],
)
def test_uses_of_a_step(text: str) -> None:
    assert literals.step_uses(text) is None


@pytest.mark.parametrize(
    "text", ["checkout", "actions/checkout", "actions/checkout@", "/x@v1", "../x", "docker://"]
)
def test_uses_that_name_no_action(text: str) -> None:
    assert literals.step_uses(text)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("./.github/workflows/a.yml", True),
        ("o/r/.github/workflows/a.yaml@v1", True),
        ("./.github/workflows/deep/a.yml", False),
        ("./a.yml", False),
        ("./.github/workflows/a.yml@main", False),
        ("o/r/.github/workflows/a.yml", False),
        ("o/r@v1", False),
    ],
)
def test_uses_of_a_job(text: str, right: bool) -> None:
    assert (literals.called_workflow(text) is None) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [("bash", True), ("perl {0}", True), ("perl", False), ("Bash", False), ("", False)],
)
def test_shells(text: str, right: bool) -> None:
    assert (literals.shell(text) is None) is right


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/15 0-23/2 1,15 JAN-mar Mon-FRI",
        "59 23 31 12 6",
        "0 0 * * sun",
        "1-5,10,*/20 * * * *",
        "0  0 * * *",
    ],
)
def test_cron_lines(text: str) -> None:
    assert literals.cron(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-1 * * * *",
        "*/0 * * * *",
        "*/x * * * *",
        "1, * * * *",
        "* * * monday *",
        "@daily",
        "-1 * * * *",
        "² * * * *",
    ],
)
def test_no_cron_lines(text: str) -> None:
    assert literals.cron(text)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("main", True),
        ("releases/**", True),
        ("v[0-9]+.[0-9]+", True),
        ("!docs/**", True),
        ("[ab", False),
        ("v[9-0]", False),
        ("!", False),
    ],
)
def test_patterns(text: str, right: bool) -> None:
    assert (literals.pattern(text) is None) is right


@pytest.mark.parametrize(
    ("text", "positive", "whole"),
    [("1", True, True), ("0.5", True, False), ("0", False, False), ("-1", False, False)],
)
def test_numbers(text: str, positive: bool, whole: bool) -> None:
    assert (literals.positive(text) is None) is positive
    assert (literals.positive_integer(text) is None) is whole


@pytest.mark.parametrize("text", ["NaN", "Infinity"])
def test_numbers_that_are_none(text: str) -> None:
    assert literals.positive_integer(text)


def test_the_name_of_a_secret_may_not_be_taken() -> None:
    assert literals.secret_name("github_token")
    assert literals.secret_name("TOKEN") is None
