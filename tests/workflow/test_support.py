import pytest

from mayfly.domain.errors import Location
from mayfly.workflow.model import Action, Step
from mayfly.workflow.reader import read_workflow
from mayfly.workflow.support import is_checkout, unsupported, unsupported_action

ALL = """\
on: push
jobs:
  a:
    runs-on: x
    container: debian
    services: {db: {image: pg}}
    snapshot: mine
    steps:
      - uses: actions/checkout@v4
      - uses: docker://alpine:3
      - name: keep
        uses: Actions/Upload-Artifact@v4
      - uses: actions/cache/restore@0123
      - uses: actions/cache-of-another-kind@v1
      - run: echo
  b:
    uses: ./.github/workflows/x.yml
"""


def test_everything_unsupported_is_named_with_its_place() -> None:
    assert [str(problem) for problem in unsupported(read_workflow(ALL.encode(), "ci.yml"))] == [
        "ci.yml:5:16: job 'a' runs in a container: job containers are not supported yet",
        "ci.yml:6:15: job 'a' has services: service containers are not supported yet",
        "ci.yml:7:15: job 'a' makes a snapshot: custom images are not supported yet",
        "ci.yml:10:15: 'docker://alpine:3': container actions are not supported yet",
        "ci.yml:12:15: 'Actions/Upload-Artifact@v4': artifacts are not supported yet",
        "ci.yml:13:15: 'actions/cache/restore@0123': caches are not supported yet",
    ]


@pytest.mark.parametrize(
    ("using", "kind"), [("docker", "a Docker action"), ("node24", "a JavaScript action")]
)
def test_actions_of_other_kinds_are_named_with_both_places(using: str, kind: str) -> None:
    step = Step(Location("ci.yml", 3, 9), uses="o/r@v1", uses_at=Location("ci.yml", 4, 15))
    action = Action("o/r/action.yml", "r", using, Location("o/r/action.yml", 7, 10))
    assert str(unsupported_action(step, action)) == (
        f"ci.yml:4:15: 'o/r@v1' is {kind} (o/r/action.yml:7:10): not supported yet"
    )


def test_composite_actions_are_supported() -> None:
    place = Location("action.yml", 1, 1)
    assert unsupported_action(Step(place), Action("a", "a", "composite", place)) is None


@pytest.mark.parametrize(
    ("uses", "is_one"),
    [
        ("actions/checkout@v4", True),
        ("Actions/Checkout@main", True),
        ("actions/checkout/sub@v4", False),
        ("me/checkout@v4", False),
        ("./actions/checkout", False),
    ],
)
def test_checkout_in_any_version(uses: str, is_one: bool) -> None:
    assert is_checkout(uses) is is_one
