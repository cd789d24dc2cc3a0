"""Where routes find what the server is made of."""

from fastapi import FastAPI, Request

from mayfly.server.services import Services


def keep_services(app: FastAPI, services: Services) -> None:
    app.state.services = services


def services_of(request: Request) -> Services:
    found = request.app.state.services
    assert isinstance(found, Services)
    return found
