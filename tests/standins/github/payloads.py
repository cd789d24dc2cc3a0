"""What the stand-in's objects look like in GitHub's JSON; `contract.py` has the schemas."""

from tests.standins.github.accounts import AccountPayloads, Json, maybe_stamp, node, stamp
from tests.standins.github.world import (
    COMPLETED,
    GROUP,
    CheckRun,
    Delivery,
    Job,
    Run,
    Runner,
)


class Payloads(AccountPayloads):
    def run(self, run: Run) -> Json:
        url = f"{self.api}/repos/{run.repository.full_name}/actions/runs/{run.id}"
        commit = {
            "id": run.head_sha,
            "tree_id": run.head_sha,
            "message": "Change",
            "timestamp": stamp(run.created),
            "author": {"name": run.sender, "email": f"{run.sender}@users.example"},
            "committer": {"name": run.sender, "email": f"{run.sender}@users.example"},
        }
        return {
            "id": run.id,
            "name": "CI",
            "node_id": node("WFR", run.id),
            "head_branch": "main",
            "head_sha": run.head_sha,
            "path": ".github/workflows/ci.yml",
            "display_title": "Change",
            "run_number": run.number,
            "run_attempt": run.attempt,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": 1,
            "url": url,
            "html_url": f"{self.web}/{run.repository.full_name}/actions/runs/{run.id}",
            "pull_requests": [],
            "created_at": stamp(run.created),
            "updated_at": stamp(run.updated),
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": f"{url}/suite",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "workflow_url": f"{url}/workflow",
            "head_commit": commit,
            "repository": self.repository(run.repository),
            "head_repository": self.repository(run.repository),
        }

    def job(self, job: Job) -> Json:
        """As in webhooks, and as in REST answers."""
        repository = f"{self.api}/repos/{job.run.repository.full_name}"
        step: Json = {
            "name": "Set up job",
            "status": "completed" if job.status == COMPLETED else "in_progress",
            "conclusion": job.conclusion,
            "number": 1,
            "started_at": maybe_stamp(job.started),
            "completed_at": maybe_stamp(job.completed),
        }
        runner = job.runner
        return {
            "id": job.id,
            "run_id": job.run.id,
            "workflow_name": "CI",
            "head_branch": "main",
            "run_url": f"{repository}/actions/runs/{job.run.id}",
            "run_attempt": job.attempt,
            "node_id": node("CR", job.id),
            "head_sha": job.run.head_sha,
            "url": f"{repository}/actions/jobs/{job.id}",
            "html_url": f"{self.web}/{job.run.repository.full_name}/actions/runs/{job.run.id}",
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": stamp(job.created),
            "started_at": stamp(job.created if job.started is None else job.started),
            "completed_at": maybe_stamp(job.completed),
            "name": job.spec.name,
            "steps": [] if job.started is None else [step],
            "check_run_url": f"{repository}/check-runs/{job.id}",
            "labels": list(job.spec.labels),
            "runner_id": runner.id if runner else None,
            "runner_name": runner.name if runner else None,
            "runner_group_id": runner.group if runner else None,
            "runner_group_name": GROUP if runner else None,
        }

    def check(self, check: CheckRun) -> Json:
        url = f"{self.api}/repos/{check.repository.full_name}/check-runs/{check.id}"
        body = check.body
        output = body.get("output", {})
        return {
            "id": check.id,
            "name": body["name"],
            "head_sha": body["head_sha"],
            "node_id": node("CR", check.id),
            "external_id": body.get("external_id"),
            "url": url,
            "html_url": url,
            "details_url": body.get("details_url"),
            "status": body.get("status", "queued"),
            "conclusion": body.get("conclusion"),
            "started_at": body.get("started_at"),
            "completed_at": body.get("completed_at"),
            "output": {
                "title": output.get("title"),
                "summary": output.get("summary"),
                "text": output.get("text"),
                "annotations_count": len(output.get("annotations", [])),
                "annotations_url": f"{url}/annotations",
            },
            "check_suite": {"id": 1},
            "app": self.app(check.app),
            "pull_requests": [],
        }

    def delivery(self, delivery: Delivery) -> Json:
        payload = delivery.payload
        return {
            "id": delivery.id,
            "guid": delivery.guid,
            "delivered_at": stamp(delivery.at),
            "redelivery": delivery.redelivery,
            "duration": delivery.duration,
            "status": delivery.status,
            "status_code": delivery.status_code,
            "event": delivery.event,
            "action": payload.get("action"),
            "installation_id": payload.get("installation", {}).get("id"),
            "repository_id": payload.get("repository", {}).get("id"),
        }

    def runner(self, runner: Runner, *, online: bool, busy: bool) -> Json:
        return {
            "id": runner.id,
            "runner_group_id": runner.group,
            "name": runner.name,
            "os": "linux" if runner.connected is not None else "unknown",
            "status": "online" if online else "offline",
            "busy": busy,
            "labels": [
                {"id": number, "name": label, "type": "custom"}
                for number, label in enumerate(runner.labels, 1)
            ],
            "ephemeral": True,
        }
