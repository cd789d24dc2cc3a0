"""Actions and workflows from elsewhere, fetched from real repositories."""

import asyncio
import contextlib
import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent

import pytest
from tests.runner.harness import Host, run_job
from tests.services.gitting import commit, new_repository, run_git, write

from mayfly.domain.errors import InvalidInput, Location, WorkflowInvalid
from mayfly.services.actions import ResolvedActions, resolve_actions
from mayfly.services.config import ActionSettings
from mayfly.services.repository import Repository, read_repository
from mayfly.services.scratch import scratch_of
from mayfly.workflow.events import event_for
from mayfly.workflow.model import Step
from mayfly.workflow.plan import advance
from mayfly.workflow.planned import RunPlan
from mayfly.workflow.reader import read_workflow

CI = ".github/workflows/ci.yml"
COMPOSITE = "{name: t, description: d, runs: {using: composite, steps: [{run: 'true', shell: sh}]}}"
JAVASCRIPT = "{name: t, description: d, runs: {using: node20, main: index.js}}"
DOCKER = "{name: t, description: d, runs: {using: docker, image: Dockerfile}}"


def composite_using(*uses: str) -> str:
    steps = ", ".join(f"{{uses: '{name}'}}" for name in uses)
    return f"{{name: t, description: d, runs: {{using: composite, steps: [{steps}]}}}}"


def job(*uses: str) -> str:
    """A workflow with one job, whose steps use these from line 6 on."""
    steps = "".join(f"      - uses: {name}\n" for name in uses)
    return f"on: push\njobs:\n  build:\n    runs-on: mayfly\n    steps:\n{steps}"


class World:
    """A clone, a server of actions, and a cache."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.server = folder / "server"
        self.cache = folder / "cache"
        self.replace: dict[str, Path] = {}
        self.url = self.server.as_uri()

    async def action(self, name: str, files: dict[str, str], tag: str = "v1") -> str:
        root = self.server / name
        if not root.exists():
            await new_repository(root)
        sha = await commit(root, files)
        await run_git(root, "tag", "-a", "-f", tag, "-m", tag)
        return sha

    async def repository(self, files: dict[str, str], **options: str) -> Repository:
        root = self.folder / "clone"
        if not root.exists():
            await new_repository(root, {"README.md": ""})
        write(root, files)
        return await read_repository(root, **options)  # type: ignore[arg-type]

    @contextlib.asynccontextmanager
    async def resolved(
        self, workflow: str, files: dict[str, str] | None = None, *, event: str = "push"
    ) -> AsyncIterator[ResolvedActions]:
        repository = await self.repository({CI: dedent(workflow), **(files or {})})
        state = repository.state
        local = {f.path: read_workflow(f.data, f.path) for f in await repository.workflows()}
        plan = RunPlan(local[CI], event_for(event, state), state, called=local)
        settings = ActionSettings(self.url, self.replace)
        async with resolve_actions([plan], repository, settings, self.cache) as resolved:
            rejected = [j.reason for j in advance(resolved.into(plan), {}).jobs if not j.spec]
            assert rejected == [], rejected
            yield resolved

    async def problems(self, workflow: str, files: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(WorkflowInvalid) as raised:
            async with self.resolved(workflow, files):
                raise AssertionError("nothing was refused")
        return [str(problem) for problem in raised.value.problems]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def members(resolved: ResolvedActions, key: str) -> dict[str, str]:
    data = b"".join([piece async for piece in resolved.open(key)])
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {
            member.name: content.read().decode()
            for member in tar
            if (content := tar.extractfile(member)) is not None
        }


class TestFetching:
    async def test_a_tag_is_fetched_by_its_commit(self, world: World) -> None:
        sha = await world.action("octo/tool", {"action.yml": COMPOSITE, "run.sh": "#!/bin/sh"})
        async with world.resolved(job("octo/tool@v1")) as resolved:
            assert resolved.keys == {"octo/tool@v1": f"octo/tool@{sha}"}
            files = await members(resolved, f"octo/tool@{sha}")
        assert files == {"action.yml": COMPOSITE, "run.sh": "#!/bin/sh"}
        assert (world.cache / "octo/tool" / sha).is_dir()
        assert list(scratch_of(world.cache).iterdir()) == []

    async def test_a_branch_an_old_commit_and_a_folder(self, world: World) -> None:
        old = await world.action("octo/tool", {"deep/action.yaml": COMPOSITE}, tag="v1")
        new = await world.action("octo/tool", {"more": ""}, tag="v2")
        uses = ("octo/tool/deep@main", f"octo/tool/deep@{old}", "octo/tool/deep@refs/tags/v2")
        async with world.resolved(job(*uses)) as resolved:
            keys = [resolved.keys[name] for name in uses]
        assert keys == [f"octo/tool@{commit}" for commit in (new, old, new)]

    async def test_a_pinned_commit_is_served_without_the_server(self, world: World) -> None:
        sha = await world.action("octo/tool", {"action.yml": COMPOSITE})
        async with world.resolved(job(f"octo/tool@{sha}")):
            pass
        world.server.rename(world.folder / "away")
        async with world.resolved(job(f"octo/tool@{sha}")) as resolved:
            assert await members(resolved, f"octo/tool@{sha}") == {"action.yml": COMPOSITE}

    async def test_what_is_damaged_in_the_cache_is_fetched_again(self, world: World) -> None:
        sha = await world.action("octo/tool", {"action.yml": COMPOSITE})
        async with world.resolved(job("octo/tool@v1")):
            pass
        (world.cache / "octo/tool" / sha / "action.tar").write_bytes(b"damaged")
        async with world.resolved(job("octo/tool@v1")) as resolved:
            assert await members(resolved, f"octo/tool@{sha}") == {"action.yml": COMPOSITE}

    async def test_a_moved_tag_is_seen_in_the_next_run(self, world: World) -> None:
        await world.action("octo/tool", {"action.yml": COMPOSITE})
        async with world.resolved(job("octo/tool@v1")):
            sha = await world.action("octo/tool", {"new": ""})
        async with world.resolved(job("octo/tool@v1")) as resolved:
            assert resolved.keys == {"octo/tool@v1": f"octo/tool@{sha}"}

    async def test_a_folder_of_this_host_instead(self, world: World) -> None:
        folder = world.folder / "mine"
        write(folder, {"sub/action.yml": COMPOSITE, ".git/config": "", "tool": "x"})
        (folder / "tool").chmod(0o755)
        world.replace["octo/tool"] = folder
        async with world.resolved(job("Octo/tool/sub@v1", "octo/tool/sub@v2")) as resolved:
            assert set(resolved.keys.values()) == {"octo/tool@local"}
            files = await members(resolved, "octo/tool@local")
        assert files == {"sub/action.yml": COMPOSITE, "tool": "x"}

    async def test_a_key_of_another_run_is_refused(self, world: World) -> None:
        async with world.resolved(job("./a"), {"a/action.yml": COMPOSITE}) as resolved:
            with pytest.raises(InvalidInput, match="no job of this run uses"):
                await members(resolved, "octo/tool@" + "a" * 40)

    async def test_nothing_of_a_fetched_repository_is_carried_out(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mark = world.folder / "mark"
        config = world.folder / "gitconfig"
        config.write_text(f'[filter "x"]\n\tsmudge = touch {mark}; cat\n')
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        files = {"action.yml": COMPOSITE, ".gitattributes": "* filter=x\n"}
        sha = await world.action("octo/tool", files)
        async with world.resolved(job("octo/tool@v1")) as resolved:
            assert await members(resolved, f"octo/tool@{sha}") == files
        assert not mark.exists()


class TestComposite:
    async def test_what_a_composite_action_uses_is_fetched_too(self, world: World) -> None:
        await world.action("octo/outer", {"action.yml": composite_using("octo/inner@v1")})
        await world.action("octo/inner", {"action.yml": COMPOSITE})
        async with world.resolved(job("octo/outer@v1")) as resolved:
            assert resolved.keys.keys() == {"octo/outer@v1", "octo/inner@v1"}

    async def test_of_the_clone(self, world: World) -> None:
        await world.action("octo/inner", {"action.yml": COMPOSITE})
        local = {".github/actions/a/action.yml": composite_using("octo/inner@v1", "./b")}
        local["b/action.yaml"] = COMPOSITE
        async with world.resolved(job("./.github/actions/a"), local) as resolved:
            assert resolved.keys.keys() == {"octo/inner@v1"}

    async def test_in_the_root_of_the_clone(self, world: World) -> None:
        async with world.resolved(job("./"), {"action.yml": COMPOSITE}) as resolved:
            assert resolved.keys == {}

    async def test_a_circle_ends(self, world: World) -> None:
        await world.action("octo/a", {"action.yml": composite_using("octo/b@v1")})
        await world.action("octo/b", {"action.yml": composite_using("octo/a@v1")})
        async with world.resolved(job("octo/a@v1")) as resolved:
            assert resolved.keys.keys() == {"octo/a@v1", "octo/b@v1"}


class TestRefusals:
    async def test_all_problems_at_once_with_their_places(self, world: World) -> None:
        await world.action("octo/js", {"action.yml": JAVASCRIPT})
        await world.action("octo/docker", {"action.yml": DOCKER})
        await world.action("octo/none", {"README.md": ""})
        await world.action("octo/bad", {"action.yml": "{name: t, runs: {using: composite}}"})
        uses = (
            "actions/checkout@v4",
            "octo/js@v1",
            "octo/docker@v1",
            "docker://alpine",
            "actions/upload-artifact@v4",
            "./missing",
            "octo/none@v1",
            "octo/none@v9",
            "octo/nobody@v1",
            "octo/bad@v1",
            "octo/js@v1",
        )
        problems = await world.problems(job(*uses))
        place, at = CI, "(octo/js@v1/action.yml:1:41)"
        at_docker = "(octo/docker@v1/action.yml:1:41)"
        assert problems[:9] == [
            f"{place}:7:15: 'octo/js@v1' is a JavaScript action {at}: not supported yet",
            f"{place}:8:15: 'octo/docker@v1' is a Docker action {at_docker}: not supported yet",
            f"{place}:9:15: 'docker://alpine': container actions are not supported yet",
            f"{place}:10:15: 'actions/upload-artifact@v4': artifacts are not supported yet",
            f"{place}:11:15: './missing': this repository has no missing/action.yml or action.yaml",
            f"{place}:12:15: 'octo/none@v1': octo/none has no action.yml or action.yaml",
            f"{place}:13:15: 'octo/none@v9': octo/none has no tag or branch 'v9'",
            problems[7],
            f"{place}:16:15: 'octo/js@v1' is a JavaScript action {at}: not supported yet",
        ]
        assert problems[7].startswith(
            f"{place}:14:15: 'octo/nobody@v1': {world.url} has no repository octo/nobody, or wants"
        )
        assert problems[9].startswith("octo/bad@v1/action.yml:1:")

    async def test_inside_a_composite_with_the_place_it_is_used_at(self, world: World) -> None:
        await world.action("octo/outer", {"action.yml": composite_using("octo/js@v1")})
        await world.action("octo/js", {"action.yml": JAVASCRIPT})
        [problem] = await world.problems(job("octo/outer@v1"))
        assert problem == (
            "octo/outer@v1/action.yml:1:67: 'octo/js@v1' is a JavaScript action "
            f"(octo/js@v1/action.yml:1:41): not supported yet (used by {CI}:6:15)"
        )

    async def test_containers_and_services(self, world: World) -> None:
        workflow = """
            on: push
            jobs:
              a:
                runs-on: mayfly
                container: alpine
                services: {db: {image: postgres}}
                steps: [run: make]
            """
        problems = await world.problems(workflow)
        assert [problem.partition("job ")[2] for problem in problems] == [
            "'a' runs in a container: job containers are not supported yet",
            "'a' has services: service containers are not supported yet",
        ]

    async def test_a_dockerfile_without_action_file(self, world: World) -> None:
        problems = await world.problems(job("./a"), {"a/Dockerfile": "FROM alpine"})
        assert problems[0].endswith("'./a': is a Docker action: not supported yet")

    async def test_an_unreachable_server(self, world: World) -> None:
        world.url = "http://127.0.0.1:1"
        problems = await world.problems(job("octo/tool@v1", "octo/other@" + "a" * 40))
        assert len(problems) == 2
        assert problems[0].startswith(
            f"{CI}:6:15: 'octo/tool@v1': http://127.0.0.1:1 cannot be reached (Failed to connect"
        )
        for way_out in ("uses: ./path", "'octo/tool' in [actions.replace] of config.toml"):
            assert way_out in problems[0]

    async def test_credentials_of_the_server_are_not_told(self, world: World) -> None:
        world.url = "http://mona:hunter2@127.0.0.1:1"
        [problem] = await world.problems(job("octo/tool@v1"))
        assert "hunter2" not in problem

    async def test_an_abbreviated_commit(self, world: World) -> None:
        sha = await world.action("octo/tool", {"action.yml": COMPOSITE})
        [problem] = await world.problems(job(f"octo/tool@{sha[:8]}"))
        assert problem.endswith("a commit is named by all its 40 digits")

    async def test_a_commit_that_is_not_there(self, world: World) -> None:
        await world.action("octo/tool", {"action.yml": COMPOSITE})
        [problem] = await world.problems(job("octo/tool@" + "a" * 40))
        assert problem.endswith(f": octo/tool has no commit {'a' * 40}")

    async def test_transports_that_start_programs_are_off(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = world.folder / "gitconfig"
        config.write_text('[protocol "ext"]\n\tallow = always\n')
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        mark = world.folder / "mark"
        world.url = f"ext::sh -c touch% {mark}% #"
        [problem] = await world.problems(job("octo/tool@v1"))
        assert "transport 'ext' not allowed" in problem
        assert not mark.exists()


class TestWhatRuns:
    async def test_jobs_that_will_not_run_refuse_nothing(self, world: World) -> None:
        workflow = """
            on: push
            jobs:
              build: {runs-on: mayfly, steps: [run: make]}
              release:
                runs-on: mayfly
                if: startsWith(github.ref, 'refs/tags/')
                steps: [uses: octo/nobody@v1]
              windows:
                runs-on: windows-latest
                steps: [uses: octo/nobody@v1]
            """
        repository = await world.repository({CI: dedent(workflow)})
        local = read_workflow(dedent(workflow).encode(), CI)
        plan = RunPlan(local, event_for("push", repository.state), repository.state)
        settings = ActionSettings(world.url)
        async with resolve_actions([plan], repository, settings, world.cache) as resolved:
            assert resolved.keys == {}

    async def test_an_action_that_a_checkout_brings_is_left_to_the_job(self, world: World) -> None:
        workflow = """
            on: push
            jobs:
              build:
                runs-on: mayfly
                steps:
                  - {uses: actions/checkout@v4, with: {path: src}}
                  - uses: ./src/action
            """
        async with world.resolved(workflow) as resolved:
            assert resolved.keys == {}


class TestWorkflows:
    async def test_of_another_repository_with_all_it_uses(self, world: World) -> None:
        await world.action("octo/tool", {"action.yml": COMPOSITE})
        inner = job("octo/tool@v1").replace("push", "workflow_call")
        outer = "on: workflow_call\njobs:\n  x: {uses: ./.github/workflows/inner.yml}\n"
        files = {".github/workflows/outer.yml": outer, ".github/workflows/inner.yml": inner}
        await world.action("octo/shared", files, tag="v3")
        call = "octo/shared/.github/workflows/outer.yml@v3"
        workflow = f"on: push\njobs:\n  call: {{uses: {call}}}\n"
        async with world.resolved(workflow) as resolved:
            assert resolved.called.keys() == {
                call,
                "octo/shared/.github/workflows/inner.yml@v3",
            }
            assert resolved.keys.keys() == {"octo/tool@v1"}

    async def test_of_the_clone(self, world: World) -> None:
        await world.action("octo/js", {"action.yml": JAVASCRIPT})
        inner = job("octo/js@v1").replace("push", "workflow_call")
        workflow = "on: push\njobs:\n  call: {uses: ./.github/workflows/inner.yml}\n"
        [problem] = await world.problems(workflow, {".github/workflows/inner.yml": inner})
        assert problem.startswith(".github/workflows/inner.yml:6:15: 'octo/js@v1' is a JavaScript")

    async def test_missing_ones(self, world: World) -> None:
        await world.action("octo/shared", {"README.md": ""})
        workflow = """
            on: push
            jobs:
              a: {uses: ./.github/workflows/none.yml}
              b: {uses: octo/shared/.github/workflows/none.yml@v1}
            """
        assert await world.problems(workflow) == [
            f"{CI}:4:13: './.github/workflows/none.yml': there is no such workflow",
            f"{CI}:5:13: 'octo/shared/.github/workflows/none.yml@v1': there is no such workflow",
        ]

    async def test_an_invalid_one(self, world: World) -> None:
        await world.action("octo/shared", {".github/workflows/x.yml": "on: [push"})
        call = "octo/shared/.github/workflows/x.yml@v1"
        [problem] = await world.problems(f"on: push\njobs:\n  a: {{uses: {call}}}\n")
        assert problem.startswith(f"{call}:")


class TestHistory:
    @pytest.mark.parametrize(
        ("inputs", "wanted"),
        [
            ("{}", False),
            ("{fetch-depth: 1}", False),
            ("{fetch-depth: 0}", True),
            ("{fetch-depth: 2}", True),
            ("{fetch-depth: '${{ inputs.depth }}'}", True),
            ("{fetch-tags: true}", True),
            ("{ref: v1}", True),
            ("{ref: '${{ github.sha }}'}", False),
            ("{ref: '${{github.event.pull_request.head.sha}}'}", False),
        ],
    )
    async def test_checkouts_that_want_it(self, world: World, inputs: str, wanted: bool) -> None:
        step = f"{{uses: actions/checkout@v4, with: {inputs}}}"
        workflow = f"on: push\njobs:\n  a: {{runs-on: mayfly, steps: [{step}]}}\n"
        async with world.resolved(workflow) as resolved:
            assert resolved.needs_history is wanted

    async def test_also_those_of_composite_actions(self, world: World) -> None:
        steps = "[{uses: actions/checkout@v4, with: {fetch-depth: 0}}]"
        action = f"{{name: t, description: d, runs: {{using: composite, steps: {steps}}}}}"
        async with world.resolved(job("./a"), {"a/action.yml": action}) as resolved:
            assert resolved.needs_history


async def test_the_runner_runs_what_was_fetched(world: World) -> None:
    step = "{run: 'cat ${{ github.action_path }}/text ${{ github.action_path }}/../top', shell: sh}"
    action = f"{{name: t, description: d, runs: {{using: composite, steps: [{step}]}}}}"
    await world.action("octo/tool", {"sub/action.yml": action, "sub/text": "one ", "top": "two"})
    async with world.resolved(job("octo/tool/sub@v1")) as resolved:
        [key] = resolved.sources
        source = b"".join([piece async for piece in resolved.open(key)])

        def prepare(host: Host) -> None:
            host.sources[key] = source

        used = Step(Location(CI, 1, 1), uses="octo/tool/sub@v1")
        guest = world.folder / "guest"
        done = await asyncio.to_thread(
            run_job, guest, used, prepare=prepare, actions=dict(resolved.keys)
        )
    assert done.outcomes == ["success"], done.host.logs
    assert "one two" in done.log(1)
