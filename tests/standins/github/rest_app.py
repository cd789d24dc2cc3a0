"""REST: the app, its installations and tokens, its webhook's deliveries."""

from tests.standins.github.accounts import stamp
from tests.standins.github.http import Call, Reply, Row, paged
from tests.standins.github.limits import Refuse
from tests.standins.github.world import Delivery, Installation


def app(call: Call) -> Reply:
    return Reply(call.github.payloads.app(call.its_app))


def convert(call: Call) -> Reply:
    made = call.github.codes.pop(call.params["code"], None)
    if made is None:
        raise Refuse(404, "Not Found")
    secrets = {
        "client_id": made.client_id,
        "client_secret": made.client_secret,
        "webhook_secret": made.webhook_secret,
        "pem": made.pem,
    }
    return Reply({**call.github.payloads.app(made), **secrets}, 201)


def installations(call: Call) -> Reply:
    mine = [each for each in call.github.installations.values() if each.app is call.app]
    shown = [call.github.payloads.installation(each) for each in mine if not each.deleted]
    return paged(call, shown)


def access_token(call: Call) -> Reply:
    installation = _installation(call)
    if installation.suspended is not None:
        raise Refuse(403, "This installation has been suspended")
    token, expires = call.github.issue_token(installation)
    data = {
        "token": token,
        "expires_at": stamp(expires),
        "permissions": installation.app.permissions,
        "repository_selection": "all" if installation.repositories is None else "selected",
    }
    return Reply(data, 201)


def deliveries(call: Call) -> Reply:
    """The newest first; `cursor` is the last id of the page before."""
    size = min(int(call.query.get("per_page", 30)), 100)
    before = int(call.query.get("cursor", 2**62))
    listed = [
        each
        for each in reversed(call.its_app.deliveries)
        if each.id < before and each.status != "pending" and _is_wanted(each, call)
    ]
    headers = {}
    if len(listed) > size:
        address = f"{call.github.api_url}{call.path}?per_page={size}&cursor={listed[size - 1].id}"
        headers["link"] = f'<{address}>; rel="next"'
    shown = [call.github.payloads.delivery(each) for each in listed[:size]]
    return Reply(shown, 200, headers)


def redeliver(call: Call) -> Reply:
    id_ = call.number("id")
    for delivery in call.its_app.deliveries:
        if delivery.id == id_:
            call.github.hooks.redeliver(call.its_app, delivery)
            return Reply({}, 202)
    raise Refuse(404, "Not Found")


def repositories(call: Call) -> Reply:
    github = call.github
    assert call.installation is not None
    seen = [github.payloads.repository(each) for each in github.seen_by(call.installation)]
    return paged(call, seen, "repositories")


def _installation(call: Call) -> Installation:
    found = call.github.installations.get(call.number("id"))
    if found is None or found.app is not call.app or found.deleted:
        raise Refuse(404, "Not Found")
    return found


def _is_wanted(delivery: Delivery, call: Call) -> bool:
    wanted = call.query.get("status")
    succeeded = 200 <= delivery.status_code < 300
    return wanted is None or (wanted == "success") == succeeded


ROUTES: tuple[Row, ...] = (
    ("GET", "/app", "app", app),
    ("POST", "/app-manifests/{code}/conversions", "anyone", convert),
    ("GET", "/app/installations", "app", installations),
    ("POST", "/app/installations/{id}/access_tokens", "app", access_token),
    ("GET", "/app/hook/deliveries", "app", deliveries),
    ("POST", "/app/hook/deliveries/{id}/attempts", "app", redeliver),
    ("GET", "/installation/repositories", "installation", repositories),
)
