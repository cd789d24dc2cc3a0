"""What a job reaches from a real machine: the internet, nothing of this host or its networks."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest
from tests.e2e.conftest import LABEL, Outcome

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.machines.network.base import AllowRule, NetworkPolicy

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        os.geteuid() != 0, reason="needs root; tests/machines/network tries the network of users"
    ),
]

FETCH = """\
mirror=$(grep -rhoE 'https?://[^ ]+' /etc/apt/sources.list* | head -n 1)
curl -sSf --retry 3 -m 60 "${mirror%/}/dists/bookworm/InRelease" | head -n 1
"""
INSTALL = "sudo apt-get install -y --no-install-recommends hello && hello"
PIP = "python3 -m pip download -q --no-deps --dest /tmp/wheels six && ls /tmp/wheels"
REFUSED = """\
for target in {targets}; do
  if timeout 5 bash -c "exec 3<>/dev/tcp/${{target%:*}}/${{target#*:}}" 2>/dev/null; then
    echo "reached $target"
  else
    echo "refused $target"
  fi
done
"""


@pytest.fixture(scope="module")
def own() -> Iterator[list[str]]:
    """Addresses of this host, each with a port where something listens."""
    printed = subprocess.check_output(["ip", "-json", "-4", "address"])
    addresses = [
        info["local"]
        for link in json.loads(printed)
        for info in link["addr_info"]
        if link["ifname"] != "lo"
    ]
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        yield [f"{address}:{port}" for address in addresses]


@pytest.fixture(scope="module")
def targets(own: list[str]) -> list[str]:
    """The host, its gateway, a metadata and a private address."""
    routes = json.loads(subprocess.check_output(["ip", "-json", "route", "show", "default"]))
    gateways = [f"{route['gateway']}:80" for route in routes if "gateway" in route]
    return [*own, *gateways, "169.254.169.254:80", "10.0.2.2:80"]


@pytest.fixture(scope="module")
def outcome(run_workflow: Callable[..., Outcome], targets: list[str]) -> Outcome:
    refused = REFUSED.format(targets=" ".join(targets))
    scripts = {architecture: [FETCH, refused] for architecture in Architecture}
    scripts[Architecture.of_host()] += [INSTALL, PIP]
    jobs = "".join(
        f"  {architecture}:\n    runs-on: {LABEL % architecture}\n    steps:\n"
        + "".join(f"      - run: {json.dumps(script)}\n" for script in scripts[architecture])
        for architecture in Architecture
    )
    return run_workflow(f"on: push\njobs:\n{jobs}")


@pytest.mark.parametrize("architecture", Architecture)
def test_a_job_reaches_the_internet(outcome: Outcome, architecture: Architecture) -> None:
    assert outcome.job(architecture).state is JobState.SUCCEEDED, outcome.log(architecture)
    assert "-----BEGIN PGP SIGNED MESSAGE-----" in outcome.log(architecture)


def test_packages_can_be_installed(outcome: Outcome) -> None:
    log = outcome.log(Architecture.of_host())
    assert "Hello, world!" in log
    assert "six-" in log


@pytest.mark.parametrize("architecture", Architecture)
def test_a_job_does_not_reach_the_host_or_its_networks(
    outcome: Outcome, architecture: Architecture, targets: list[str]
) -> None:
    for target in targets:
        assert f"refused {target}" in outcome.log(architecture).splitlines()


def test_a_rule_opens_what_it_names(run_workflow: Callable[..., Outcome], own: list[str]) -> None:
    script = json.dumps(REFUSED.format(targets=own[0]))
    label = LABEL % Architecture.of_host()
    opened = run_workflow(
        f"on: push\njobs:\n  one:\n    runs-on: {label}\n    steps:\n      - run: {script}\n",
        network=NetworkPolicy(allow=(AllowRule.parse(own[0]),)),
    )
    assert f"reached {own[0]}" in opened.log("one").splitlines()
