"""The stand-in of GitHub's runner, packed as GitHub packs its own.

`bin/Runner.Listener run` in the archive is `tests/standins/github/runner.py`; the protocol is told
in `tests/standins/github/runner_api.py`.
"""
