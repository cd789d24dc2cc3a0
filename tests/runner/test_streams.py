"""Output of every kind: much of it, without lines, without encoding, while the host is slow."""

import hashlib
from pathlib import Path

from tests.runner.harness import Done, run_job, runner, spec_of, step

from mayfly.protocol.messages import JobFinished

LINES = "yes 'all work and no play makes jack a dull boy' | head -c {size}"


def body(done: Done) -> bytes:
    return bytes(done.host.logs[1].partition(b"##[endgroup]\n")[2])


def test_fifty_megabytes_arrive_whole(tmp_path: Path) -> None:
    size = 50_000_000
    script = f"{LINES.format(size=size)} | tee >(md5sum > sum); wait"
    done = run_job(tmp_path, step(script))
    text = (tmp_path / "work/demo/demo/sum").read_text()
    received = body(done)
    assert len(received.rstrip(b"\n")) in {size, size - 1}
    assert hashlib.md5(received[:size]).hexdigest() == text.split()[0]


def test_a_step_waits_for_a_host_that_reads_slowly(tmp_path: Path) -> None:
    size = 16_000_000
    finished = tmp_path / "work/demo/demo/finished"
    ended_early: list[bool] = []
    with runner(tmp_path) as host:

        def on_log(number: int, data: bytes) -> None:
            # Pipe, runner and socket together hold much less than what is still to come.
            if number == 1 and len(host.logs[1]) < size // 2:
                ended_early.append(finished.exists())

        host.on_log = on_log
        host.assign(spec_of(step(LINES.format(size=size) + "; touch finished")))
        done = Done(host, host.until(JobFinished))
    assert ended_early
    assert not any(ended_early)
    assert finished.exists()
    assert len(body(done)) in {size, size + 1}


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    every = bytes(set(range(256)) - {10})
    data = tmp_path / "data"
    data.write_bytes(every)
    done = run_job(tmp_path, step(f"cat {data}"))
    assert body(done) == every + b"\n"


def test_a_line_without_end(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("head -c 3000000 /dev/zero | tr '\\0' x"))
    assert body(done) == b"x" * 3_000_000 + b"\n"


def test_lines_arrive_when_they_are_printed(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    with runner(tmp_path) as host:
        host.on_log = lambda number, data: go_on.touch() if data.endswith(b"first\n") else None
        # The step ends only when its first line has been seen.
        script = f"echo first; while [ ! -e {go_on} ]; do sleep 0.01; done; echo second"
        host.assign(spec_of(step(script)))
        done = Done(host, host.until(JobFinished))
    assert body(done) == b"first\nsecond\n"


def test_no_output_at_all(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("exec >&- 2>&-; exit 0"))
    assert body(done) == b""
    assert done.outcomes == ["success"]
