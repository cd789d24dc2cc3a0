"""How long `mayfly plan` takes for a repository with 130 workflow files."""

import json
import subprocess
import sys
import time
from pathlib import Path

_TEMPLATE = """\
name: workflow {n}
on:
  push: {{branches: [main, 'release/**'], paths-ignore: ['docs/**', '*.md']}}
  pull_request: {{branches: [main]}}
  schedule: [{{cron: '{m} 3 * * 1'}}]
  workflow_dispatch:
    inputs:
      level: {{type: choice, options: [debug, info], default: info, required: true}}
permissions: {{contents: read}}
concurrency:
  group: ${{{{ github.workflow }}}}-${{{{ github.ref }}}}
  cancel-in-progress: ${{{{ github.event_name == 'pull_request' }}}}
env: {{GOFLAGS: -mod=readonly, VERSION: '1.{n}'}}
jobs:
{jobs}
"""
_JOB = """\
  job{j}:
    name: job {j} on ${{{{ matrix.arch }}}}
    needs: {needs}
    if: github.event_name != 'pull_request' || !startsWith(github.head_ref, 'dependabot/')
    runs-on: ${{{{ matrix.arch == 'arm64' && 'ubuntu-24.04-arm' || 'ubuntu-latest' }}}}
    timeout-minutes: 30
    strategy:
      fail-fast: false
      matrix:
        arch: [amd64, arm64]
        version: ['1.22', '1.23']
        include: [{{arch: amd64, version: tip, experimental: true}}]
    outputs: {{sum: '${{{{ steps.sum.outputs.value }}}}'}}
    steps:
      - uses: actions/checkout@v4
        with: {{fetch-depth: 0}}
      - name: build ${{{{ matrix.version }}}}
        id: sum
        env: {{TOKEN: '${{{{ secrets.GITHUB_TOKEN }}}}', KEY: "${{{{ hashFiles('**/go.sum') }}}}"}}
        run: |
          set -euo pipefail
          make build VERSION="$VERSION"
          sum="${{{{ format('{{0}}-{{1}}', matrix.arch, matrix.version) }}}}"
          echo "value=$sum" >> "$GITHUB_OUTPUT"
      - name: test
        if: ${{{{ success() && contains(fromJSON('["amd64", "arm64"]'), matrix.arch) }}}}
        working-directory: src
        run: make test
      - name: report
        if: always()
        run: echo "${{{{ job.status }}}} ${{{{ toJSON(matrix) }}}}"
"""


def write_workflows(folder: Path, count: int) -> int:
    """A repository with `count` workflows of usual size and content; returns the bytes written."""
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    total = 0
    for number in range(count):
        jobs = "".join(
            _JOB.format(j=index, needs="[]" if index == 0 else f"[job{index - 1}]")
            for index in range(1 + number % 5)
        )
        text = _TEMPLATE.format(n=number, m=number % 60, jobs=jobs)
        (workflows / f"workflow-{number:03}.yml").write_text(text)
        total += len(text)
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "workflows")
    return total


def time_plan(folder: Path, count: int) -> float:
    """Seconds of one `mayfly plan`, the interpreter's start included."""
    began = time.monotonic()
    mayfly = Path(sys.executable).with_name("mayfly")
    command = [str(mayfly), "plan", "--json", "--repo", str(folder)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    seconds = time.monotonic() - began
    if len(json.loads(printed)["runs"]) != count:
        raise RuntimeError("mayfly plan did not plan every workflow")
    return seconds


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)
