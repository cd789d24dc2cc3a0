"""REST: just-in-time runners of an organisation or a repository."""

from tests.standins.github.http import Call, Json, Reply, Row, paged
from tests.standins.github.limits import Refuse
from tests.standins.github.runners import NameTaken, StillBusy
from tests.standins.github.world import Account, Repository, Runner

ORG = "/orgs/{org}/actions/runners"
REPO = "/repos/{owner}/{repo}/actions/runners"


def generate(call: Call) -> Reply:
    account, repository = _scope(call)
    name, labels = call.body.get("name"), call.body.get("labels")
    if not isinstance(name, str) or not 0 < len(name) <= 64:
        raise Refuse(422, "Invalid runner name")
    if not isinstance(labels, list) or not 1 <= len(labels) <= 100:
        raise Refuse(422, "Invalid labels")
    try:
        runner = call.github.runners.register(
            account,
            repository,
            name=name,
            group=int(call.body.get("runner_group_id", 1)),
            labels=tuple(labels),
        )
    except NameTaken:
        raise Refuse(409, "Already exists - A runner with the name already exists.") from None
    data = {
        "runner": call.github.payloads.runner(runner, online=False, busy=False),
        "encoded_jit_config": call.github.runners.config(runner),
    }
    return Reply(data, 201)


def listed(call: Call) -> Reply:
    runners = call.github.runners.listed(*_scope(call))
    name = call.query.get("name")
    shown = [_shown(call, each) for each in runners if name is None or each.name == name]
    return paged(call, shown, "runners")


def one(call: Call) -> Reply:
    return Reply(_shown(call, _present(call)))


def delete(call: Call) -> Reply:
    runner = _present(call)
    try:
        call.github.runners.remove(runner)
    except StillBusy:
        message = f'Bad request - Runner "{runner.name}" is still running a job"'
        raise Refuse(422, message) from None
    return Reply(status=204)


def _shown(call: Call, runner: Runner) -> Json:
    runners = call.github.runners
    return call.github.payloads.runner(
        runner, online=runners.is_online(runner), busy=runners.looks_busy(runner)
    )


def _present(call: Call) -> Runner:
    account, repository = _scope(call)
    found = call.github.runners.all.get(call.number("runner"))
    if found is None or found not in set(call.github.runners.present(account, repository)):
        raise Refuse(404, "Not Found")
    return found


def _scope(call: Call) -> tuple[Account, Repository | None]:
    if "repo" in call.params:
        repository = call.repository()
        call.require("administration")
        return repository.owner, repository
    account = call.github.accounts.get(call.params["org"].lower())
    installation = call.installation
    if installation is None or account is not installation.account or not account.organization:
        raise Refuse(404, "Not Found")
    call.require("organization_self_hosted_runners")
    return account, None


ROUTES: tuple[Row, ...] = (
    ("POST", f"{ORG}/generate-jitconfig", "installation", generate),
    ("POST", f"{REPO}/generate-jitconfig", "installation", generate),
    ("GET", ORG, "installation", listed),
    ("GET", REPO, "installation", listed),
    ("GET", f"{ORG}/{{runner}}", "installation", one),
    ("GET", f"{REPO}/{{runner}}", "installation", one),
    ("DELETE", f"{ORG}/{{runner}}", "installation", delete),
    ("DELETE", f"{REPO}/{{runner}}", "installation", delete),
)
