"""Answers as types, also those that GitHub would never give."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mayfly.forges.github import answers, errors

NOW = 1_700_000_000.0
JSON = {"content-type": "application/json; charset=utf-8"}


def refused(status: int, body: Any = None, **headers: str) -> errors.GitHubError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(errors.GitHubError) as caught:
        answers.read("GET x", status, {**JSON, **named}, json.dumps(body).encode(), NOW)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.Unauthorised),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.Unprocessable),
        (400, errors.ServerTrouble),
        (304, errors.ServerTrouble),
        (500, errors.ServerTrouble),
        (503, errors.ServerTrouble),
    ],
)
def test_refusals_have_types(status: int, kind: type[errors.GitHubError]) -> None:
    assert type(refused(status)) is kind


def test_a_refusal_says_what_github_said() -> None:
    body = {"message": "Validation Failed", "errors": [{"field": "labels", "code": "invalid"}]}
    assert refused(422, body).message == (
        "GitHub refused GET x: Validation Failed: labels invalid (422)"
    )
    assert "no reason given" in refused(422, ["what"]).message
    assert len(refused(422, {"message": "x" * 10_000}).message) < 1000


@pytest.mark.parametrize(
    ("status", "message", "headers", "wait"),
    [
        (429, "", {}, 60),
        (403, "You have exceeded a secondary rate limit", {}, 60),
        (403, "", {"retry_after": "17"}, 17),
        (429, "", {"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 60),
        (429, "", {"retry_after": "99999999999999999999"}, 3700),
        (429, "", {"retry_after": "0"}, 1),
        (403, "", {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW) + 600)}, 600),
        (403, "", {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "5"}, 1),
        (403, "", {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "99999999999"}, 3700),
    ],
)
def test_limits_say_until_when(
    status: int, message: str, headers: dict[str, str], wait: float
) -> None:
    error = refused(status, {"message": message}, x_ratelimit_limit="5000", **headers)
    assert isinstance(error, errors.RateLimited)
    assert error.until == NOW + wait


def test_a_missing_permission_is_no_limit() -> None:
    headers = {"x_ratelimit_remaining": "4999", "x_ratelimit_reset": "1700000600"}
    error = refused(
        403, {"message": "Resource not accessible"}, x_ratelimit_limit="5000", **headers
    )
    assert type(error) is errors.Forbidden


def test_pages_follow_each_other() -> None:
    headers = {**JSON, "link": '<https://x/2>; rel="next", <https://x/9>; rel="last"', "etag": "e"}
    assert answers.read("GET x", 200, headers, b"[1]", NOW) == answers.Answer(
        [1], "https://x/2", "e"
    )
    assert answers.read("DELETE x", 204, {}, b"", NOW) == answers.Answer(None)


@given(
    status=st.sampled_from([200, 201, 204, 301, 403, 404, 422, 429, 500, 599]),
    headers=st.dictionaries(
        st.sampled_from(
            [
                "content-type",
                "link",
                "retry-after",
                "x-ratelimit-limit",
                "x-ratelimit-remaining",
                "x-ratelimit-reset",
                "x-ratelimit-resource",
            ]
        ),
        st.sampled_from(["application/json", "text/html; charset=none", "1e999", "-1", "nan"])
        | st.text(max_size=30),
    ),
    body=st.binary(max_size=60) | st.sampled_from([b"{}", b'{"message": 1}', b'{"errors": {}}']),
)
def test_nothing_else_is_raised(status: int, headers: dict[str, str], body: bytes) -> None:
    try:
        answers.limits(headers)
        answers.read("GET x", status, headers, body, NOW)
    except errors.RateLimited as error:
        assert NOW < error.until <= NOW + 3700  # noqa: PT017  the type is not always raised
    except errors.GitHubError:
        pass
