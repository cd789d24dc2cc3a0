"""A GitHub for tests: it keeps state, speaks HTTP, and goes wrong in the ways GitHub does.

`StandInGitHub` is what a test holds: it makes organisations, repositories and runs, and its `asgi`
serves the REST interface, the pages that make apps, and runners. It runs in the test's own event
loop by `httpx.ASGITransport`, also in virtual time, or on a port by uvicorn. Nothing is random but
by the generator it is given, nothing reads a clock but the one it is given.
"""
