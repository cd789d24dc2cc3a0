"""What a machine does that becomes a runner: one step, which runs GitHub's own program."""

from mayfly.domain.errors import Location
from mayfly.domain.labels import DEFAULT_IMAGE, Requirement
from mayfly.store.forge_rows import ForgeJobRow
from mayfly.workflow.model import Step
from mayfly.workflow.planned import PlannedJob, PlannedState
from mayfly.workflow.spec import JobSpec

KEY = "github"
"""Of the one job that a run of GitHub has."""

IMAGE = "github"
CONFIG = "ACTIONS_RUNNER_INPUT_JITCONFIG"
WORKING = "Running job:"
"""What GitHub's runner prints when it has begun with a job."""

# GitHub's own bound for jobs on runners that are not its own; theirs comes first.
_TIMEOUT_MINUTES = 5 * 24 * 60.0
_PLACE = Location("github", 1, 1)

# Its jobs get GitHub's variables from it, so ours must not be there.
# 100 and more tell how the job ended, 2 to 4 that the same runner is to be started again.
_SCRIPT = """\
tools=$RUNNER_TOOL_CACHE
unset ${!GITHUB_@} ${!RUNNER_@}
export RUNNER_TOOL_CACHE=$tools
cd /opt/actions-runner
for pause in 1 5 15 30 60; do
  code=0
  bin/Runner.Listener run || code=$?
  case $code in
    100 | 101) exit 0 ;;
    2 | 3 | 4) sleep "$pause" ;;
    *) exit "$code" ;;
  esac
done
exit "$code"
"""


def planned(job: ForgeJobRow, wanted: Requirement) -> PlannedJob:
    """As the orchestrator knows it."""
    return PlannedJob(
        key=KEY,
        name=job.name,
        job_id=KEY,
        location=_PLACE,
        state=PlannedState.READY,
        requirement=wanted,
        runs_on=job.labels,
        timeout_minutes=_TIMEOUT_MINUTES,
    )


def image_for(image: str) -> str:
    """The one with GitHub's runner in it."""
    return IMAGE if image == DEFAULT_IMAGE else image


def runner_spec(name: str, config: str) -> JobSpec:
    """`config` is the secret of the registration: it is printed nowhere and written nowhere."""
    return JobSpec(
        key=KEY,
        name=name,
        steps=(Step(_PLACE, name="GitHub's runner", run=_SCRIPT),),
        contexts={},
        env={
            CONFIG: config,
            "ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE": "1",
            "ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED": "1",
        },
        masks=(config,),
        timeout_minutes=_TIMEOUT_MINUTES,
    )
