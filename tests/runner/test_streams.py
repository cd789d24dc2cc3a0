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


def test_much_output_to_a_host_that_reads_late(tmp_path: Path) -> None:
    with runner(tmp_path) as host:
        host.assign(spec_of(step(LINES.format(size=8_000_000) + "; touch finished")))
        # Far more than what pipes, sockets and the runner hold: the step must be waiting.
        while not (tmp_path / "work/demo/demo").is_dir():
            pass
        assert not (tmp_path / "work/demo/demo/finished").exists()
        done = Done(host, host.until(JobFinished))
    assert len(body(done)) in {8_000_000, 8_000_001}
    assert (tmp_path / "work/demo/demo/finished").exists()


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
