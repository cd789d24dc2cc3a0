"""`make demo`, in real machines of both architectures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


@pytest.mark.e2e
def test_it_finds_the_one_difference() -> None:
    environment = {**os.environ, "CI": "true"}

    done = subprocess.run(
        [sys.executable, DEMO],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Parity amd64 / arm64: 1 difference in 2 jobs" in done.stdout
    assert "FAIL  falling readings: reading 1 is 2403, expected 2147" in done.stdout
