import pytest

from mayfly.machines.images.progress import Progress, ProgressReader, Stage


@pytest.fixture
def told() -> list[Progress]:
    return []


@pytest.fixture
def reader(told: list[Progress]) -> ProgressReader:
    return ProgressReader(told.append)


def test_stages_come_in_order_and_never_go_back(
    reader: ProgressReader, told: list[Progress]
) -> None:
    for line in (
        "stage: resolving\n",
        "stage: downloading\n",
        "dlstatus:1:50.0:Retrieving file 1 of 2\n",
        "dlstatus:2:10.0:Retrieving file 1 of 9\n",
        "total: 2\n",
        "stage: extracting\n",
        "status: libc6:arm64: unpacked\n",
        "status: bash:arm64: unpacked\n",
        "stage: configuring\n",
        "status: libc6:arm64: half-configured\n",
        "status: libc6:arm64: installed\n",
        "stage: packing\n",
    ):
        reader.feed(line)
    reader.enter(Stage.HASHING)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert len(set(told)) == len(told)
    assert [stage for stage in Stage if stage in {progress.stage for progress in told}] == [
        Stage.DOWNLOADING,
        Stage.EXTRACTING,
        Stage.CONFIGURING,
        Stage.PACKING,
        Stage.HASHING,
    ]
    assert told[-1].fraction < 1


def test_packages_of_any_architecture_are_counted_once(
    reader: ProgressReader, told: list[Progress]
) -> None:
    for line in ("total: 4", "stage: extracting", "status: a: unpacked", "status: a: unpacked"):
        reader.feed(line)
    once = told[-1].fraction
    reader.feed("status: b:amd64: unpacked")
    assert told[-1].fraction > once
    assert told[-1].stage is Stage.EXTRACTING


@pytest.mark.parametrize(
    "line",
    ["", "\n", "stage: unheard-of", "stage:", "total: many", "dlstatus:1:x:y", "status: a", "\x00"],
)
def test_what_cannot_be_read_is_passed_over(
    reader: ProgressReader, told: list[Progress], line: str
) -> None:
    reader.feed("stage: downloading")
    count = len(told)
    reader.feed(line)
    assert len(told) == count
