"""Where GitHub sends its news: verified, stored, answered. What they mean is found out later."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from mayfly.forges.github.events import MAX_BODY, BadDelivery, BadSignature
from mayfly.server.github.inbox import Inbox
from mayfly.server.metrics import Metrics
from mayfly.server.refusals import Refused, Unauthenticated


def router(inbox: Inbox, metrics: Metrics) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.post("/webhooks/github", max_body_size=MAX_BODY)
    async def github(request: Request) -> Response:
        """202 once it is stored, also when it had been stored before; 401 for who lacks the key."""
        with metrics.webhook_seconds.time():
            headers = {name.lower(): value for name, value in request.headers.items()}
            body = await request.body()
            try:
                await inbox.accept(headers, body)
            except BadSignature as error:
                raise Unauthenticated(error.message, remedy=error.remedy) from None
            except BadDelivery as error:
                raise Refused(error.message, remedy=error.remedy) from None
        return Response(status_code=202)

    return made
