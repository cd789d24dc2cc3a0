"""All pages, as the application includes them."""

from fastapi import APIRouter

from mayfly.server.web import assets, live
from mayfly.server.web.routes import job, now, run, sign_in

router = APIRouter(include_in_schema=False)
for _part in (
    assets.router,
    live.router,
    sign_in.router,
    now.router,
    run.router,
    job.router,
):
    router.include_router(_part)
