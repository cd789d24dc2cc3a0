"""Labels of Mayfly and of other services mean an architecture, a size and an image."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.domain.labels import NotLinux, Requirement, resolve

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


def size(architecture: Architecture | None, cpu: str, gib: str) -> Requirement:
    return Requirement(architecture, Decimal(cpu), int(Decimal(gib) * 1024))


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("mayfly", size(AMD64, "2", "4")),
        ("mayfly-arm64", size(ARM64, "2", "4")),
        ("mayfly-any", size(None, "2", "4")),
        ("mayfly-aarch64-1cpu-2gb", size(ARM64, "1", "2")),
        ("mayfly-x64-4cpu-8gb", size(AMD64, "4", "8")),
        ("mayfly-4cpu-8gb", size(AMD64, "4", "8")),
        ("mayfly-any-0.5cpu-1gb", size(None, "0.5", "1")),
        ("mayfly-250mcpu-0.5gb", size(AMD64, "0.25", "0.5")),
        ("Mayfly-ARM64-8cpu-16GB", size(ARM64, "8", "16")),
        ("actuated-arm64-4cpu-16gb", size(ARM64, "4", "16")),
        ("actuated-any-4cpu-8gb", size(None, "4", "8")),
        ("actuated-aarch64", size(ARM64, "2", "4")),
        ("ubuntu-latest", size(AMD64, "4", "16")),
        ("ubuntu-22.04", size(AMD64, "4", "16")),
        ("ubuntu-24.04", size(AMD64, "4", "16")),
        ("ubuntu-24.04-arm", size(ARM64, "4", "16")),
        ("ubuntu-22.04-arm", size(ARM64, "4", "16")),
        ("ubuntu-latest-8-cores", size(AMD64, "8", "32")),
        ("ubuntu-slim", size(AMD64, "1", "5")),
        ("arm.medium", size(ARM64, "2", "8")),
        ("arm.large", size(ARM64, "4", "16")),
        ("arm.xlarge", size(ARM64, "8", "32")),
        ("arm.2xlarge", size(ARM64, "16", "64")),
        ("medium", size(AMD64, "2", "7.5")),
        ("large", size(AMD64, "4", "15")),
        ("xlarge", size(AMD64, "8", "32")),
        ("2xlarge", size(AMD64, "16", "64")),
        ("saas-linux-small-amd64", size(AMD64, "2", "8")),
        ("saas-linux-2xlarge-amd64", size(AMD64, "32", "128")),
        ("saas-linux-medium-arm64", size(ARM64, "4", "16")),
        ("self-hosted", size(AMD64, "2", "4")),
    ],
)
def test_one_label(label: str, expected: Requirement) -> None:
    assert resolve([label]) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["self-hosted", "Linux", "ARM64"], size(ARM64, "2", "4")),
        (["self-hosted", "linux", "X64"], size(AMD64, "2", "4")),
        (["self-hosted", "linux", "arm64", "mayfly-any-4cpu-8gb"], size(ARM64, "4", "8")),
        (["arm64", "mayfly-arm64"], size(ARM64, "2", "4")),
    ],
)
def test_several_labels_together(labels: list[str], expected: Requirement) -> None:
    assert resolve(labels) == expected


@pytest.mark.parametrize(
    "labels",
    [["x64", "arm64"], ["mayfly-arm64", "x64"], ["mayfly-2cpu-4gb", "mayfly-4cpu-8gb"]],
)
def test_labels_that_contradict_each_other(labels: list[str]) -> None:
    with pytest.raises(InvalidInput, match="contradict"):
        resolve(labels)


@pytest.mark.parametrize(
    ("labels", "system"),
    [
        (["windows-latest"], "Windows"),
        (["windows-11-arm"], "Windows"),
        (["macos-14"], "macOS"),
        (["macos-13-xlarge"], "macOS"),
        (["self-hosted", "Windows", "X64"], "Windows"),
        (["self-hosted", "macOS", "my-own"], "macOS"),
    ],
)
def test_other_systems_are_told_apart_from_unknown_labels(labels: list[str], system: str) -> None:
    found = resolve(labels)
    assert isinstance(found, NotLinux)
    assert found.os == system


@pytest.mark.parametrize(
    ("label", "suggestion"),
    [
        ("mayfly-arm46", "mayfly-arm64"),
        ("ubuntu-lates", "ubuntu-latest"),
        ("arm.mediun", "arm.medium"),
        ("mayfly-4cpu", "mayfly"),
        ("mayfly-arm64-8cpu-16", "mayfly-arm64-8cpu-16gb"),
    ],
)
def test_an_unknown_label_names_the_nearest_and_the_known_forms(
    label: str, suggestion: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve([label])
    assert repr(label) in caught.value.message
    assert repr(suggestion) in caught.value.message
    assert "mayfly[" in (caught.value.remedy or "")


@pytest.mark.parametrize("labels", [[], [""], ["mayfly-0cpu-4gb"], ["mayfly-1cpu-0gb"]])
def test_nothing_to_run_on(labels: list[str]) -> None:
    with pytest.raises(InvalidInput):
        resolve(labels)


@pytest.mark.parametrize("label", ["mayfly-" + "9" * 1000 + "cpu-1gb", "mayfly" * 1000, "winter"])
def test_absurd_labels_are_unknown(label: str) -> None:
    with pytest.raises(InvalidInput, match="unknown label"):
        resolve([label])


def test_the_configuration_adds_labels_and_wins() -> None:
    big = Requirement(ARM64, Decimal(64), 256 * 1024, "fedora")
    table = {"Huge": big, "ubuntu-latest": big}
    assert resolve(["huge"], table) == big
    assert resolve(["UBUNTU-latest"], table) == big


@settings(deadline=None)
@given(
    architecture=st.sampled_from([AMD64, ARM64, None]),
    millicpu=st.integers(1, 99_999_000),
    memory_mib=st.integers(1, 99_999 * 1024),
)
def test_a_requirement_prints_as_the_label_that_asks_for_it(
    architecture: Architecture | None, millicpu: int, memory_mib: int
) -> None:
    requirement = Requirement(architecture, Decimal(millicpu) / 1000, memory_mib)
    assert resolve([str(requirement)]) == requirement


def test_a_label_of_hosts_goes_with_any_size() -> None:
    wanted = resolve(["mayfly-arm64-4cpu-8gb", "mayfly-host-SSD", "mayfly-host-gpu"])
    assert wanted == replace(size(ARM64, "4", "8"), host_labels=frozenset({"ssd", "gpu"}))


def test_a_label_of_hosts_alone_is_the_default_size() -> None:
    assert resolve(["mayfly-host-ssd"]) == Requirement(host_labels=frozenset({"ssd"}))
