"""All pages, as the application includes them."""

from fastapi import APIRouter

from mayfly.server.web import assets, live
from mayfly.server.web.routes import (
    audit,
    environment,
    github,
    hosts,
    insights,
    job,
    jobs,
    members,
    now,
    people,
    project,
    projects,
    run,
    runs,
    sign_in,
    tokens,
)

router = APIRouter(include_in_schema=False)
for _part in (
    assets.router,
    live.router,
    sign_in.router,
    now.router,
    runs.router,
    run.router,
    jobs.router,
    job.router,
    hosts.router,
    insights.router,
    projects.router,
    audit.router,
    project.router,
    members.router,
    environment.router,
    people.router,
    tokens.router,
    github.router,
):
    router.include_router(_part)
