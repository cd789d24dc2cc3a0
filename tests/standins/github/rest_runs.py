"""REST: repositories, workflow runs and jobs, approvals, checks."""

from tests.standins.github.accounts import node, stamp
from tests.standins.github.http import Call, Json, Reply, Row, paged
from tests.standins.github.limits import Refuse
from tests.standins.github.world import COMPLETED, WAITING, CheckRun, Run

REPO = "/repos/{owner}/{repo}"
RUN = f"{REPO}/actions/runs/{{run}}"
ENDS = {"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}


def repository(call: Call) -> Reply:
    return Reply(call.github.payloads.repository(call.repository()))


def runs(call: Call) -> Reply:
    call.require("actions", "read")
    wanted = call.query.get("status")
    newest = reversed(call.repository().runs.values())
    found = [run for run in newest if wanted is None or wanted in {run.status, run.conclusion}]
    return paged(call, [call.github.payloads.run(run) for run in found], "workflow_runs")


def one_run(call: Call) -> Reply:
    return Reply(call.github.payloads.run(_run(call)))


def jobs(call: Call) -> Reply:
    found = _run(call)
    chosen = found.jobs if call.query.get("filter") == "all" else found.latest
    return paged(call, [call.github.payloads.job(job) for job in chosen], "jobs")


def one_job(call: Call) -> Reply:
    call.require("actions", "read")
    id_ = call.number("job")
    for run in call.repository().runs.values():
        for job in run.jobs:
            if job.id == id_:
                return Reply(call.github.payloads.job(job))
    raise Refuse(404, "Not Found")


def cancel(call: Call) -> Reply:
    found = _run(call, "write")
    if found.status == COMPLETED:
        raise Refuse(409, "Cannot cancel a workflow run that is completed.")
    call.github.actions.cancel(found)
    return Reply({}, 202)


def rerun_failed(call: Call) -> Reply:
    found = _run(call, "write")
    if found.status != COMPLETED or found.conclusion == "success":
        raise Refuse(403, "This workflow run cannot be retried")
    call.github.actions.rerun(found, failed_only=True)
    return Reply({}, 201)


def pending(call: Call) -> Reply:
    github = call.github
    found = _run(call)
    waiting = {job.spec.environment for job in found.latest if job.status == WAITING}
    shown: list[Json] = [
        {
            "environment": {
                "id": github.environment_id(name),
                "node_id": node("EN", github.environment_id(name)),
                "name": name,
                "url": f"{github.api_url}/repos/{found.repository.full_name}/environments/{name}",
                "html_url": f"{github.web_url}/{found.repository.full_name}/deployments",
            },
            "wait_timer": 0,
            "wait_timer_started_at": None,
            "current_user_can_approve": True,
            "reviewers": [],
        }
        for name in sorted(name for name in waiting if name is not None)
    ]
    return Reply(shown)


def review(call: Call) -> Reply:
    call.require("deployments")
    found = _run(call)
    names = {call.github.environment_name(id_) for id_ in call.body["environment_ids"]}
    approved = call.body["state"] == "approved"
    moved = call.github.actions.approve(found, names, approved=approved)
    return Reply([_deployment(call, found, job.spec.environment or "") for job in moved])


def checks(call: Call) -> Reply:
    """Of a commit; of those of one name the newest alone, unless all are asked for."""
    call.require("checks", "read")
    app, name = call.query.get("app_id"), call.query.get("check_name")
    found = [
        check
        for check in call.repository().checks.values()
        if check.body["head_sha"] == call.params["ref"]
        and app in {None, str(check.app.id)}
        and name in {None, check.body["name"]}
    ]
    if call.query.get("filter", "latest") == "latest":
        found = list({(check.app.id, check.body["name"]): check for check in found}.values())
    return paged(call, [call.github.payloads.check(check) for check in found], "check_runs")


def create_check(call: Call) -> Reply:
    call.require("checks")
    found = call.repository()
    if not isinstance(call.body.get("name"), str) or not call.body.get("head_sha"):
        raise Refuse(422, "Invalid request. name and head_sha are needed.")
    _check_body(call.body)
    check = CheckRun(call.github.next_id(), found, call.its_app, call.body)
    found.checks[check.id] = check
    return Reply(call.github.payloads.check(check), 201)


def update_check(call: Call) -> Reply:
    call.require("checks")
    check = call.repository().checks.get(call.number("check"))
    if check is None or check.app is not call.app:
        raise Refuse(404, "Not Found")
    _check_body(call.body)
    check.body.update(call.body)
    return Reply(call.github.payloads.check(check))


def _check_body(body: Json) -> None:
    output = body.get("output", {})
    if len(output.get("summary", "")) > 65535 or len(output.get("annotations", [])) > 50:
        raise Refuse(422, "Invalid request. The output is too large.")
    if "conclusion" in body:
        if body["conclusion"] not in ENDS:
            raise Refuse(422, "Invalid request. No such conclusion.")
        body["status"] = "completed"
    elif body.get("status") == "completed":
        raise Refuse(422, "Invalid request. A conclusion is needed.")


def _run(call: Call, level: str = "read") -> Run:
    call.require("actions", level)
    found = call.repository().runs.get(call.number("run"))
    if found is None:
        raise Refuse(404, "Not Found")
    return found


def _deployment(call: Call, run: Run, environment: str) -> Json:
    github = call.github
    url = f"{github.api_url}/repos/{run.repository.full_name}"
    id_ = github.next_id()
    return {
        "url": f"{url}/deployments/{id_}",
        "id": id_,
        "node_id": node("DE", id_),
        "sha": run.head_sha,
        "ref": "main",
        "task": "deploy",
        "payload": {},
        "original_environment": environment,
        "environment": environment,
        "description": None,
        "creator": github.payloads.sender(run.sender),
        "created_at": stamp(github.clock()),
        "updated_at": stamp(github.clock()),
        "statuses_url": f"{url}/deployments/{id_}/statuses",
        "repository_url": url,
    }


ROUTES: tuple[Row, ...] = (
    ("GET", REPO, "installation", repository),
    ("GET", f"{REPO}/actions/runs", "installation", runs),
    ("GET", RUN, "installation", one_run),
    ("GET", f"{RUN}/jobs", "installation", jobs),
    ("GET", f"{REPO}/actions/jobs/{{job}}", "installation", one_job),
    ("POST", f"{RUN}/cancel", "installation", cancel),
    ("POST", f"{RUN}/rerun-failed-jobs", "installation", rerun_failed),
    ("GET", f"{RUN}/pending_deployments", "installation", pending),
    ("POST", f"{RUN}/pending_deployments", "installation", review),
    ("GET", f"{REPO}/commits/{{ref}}/check-runs", "installation", checks),
    ("POST", f"{REPO}/check-runs", "installation", create_check),
    ("PATCH", f"{REPO}/check-runs/{{check}}", "installation", update_check),
)
