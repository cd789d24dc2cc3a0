"""Replays a seed, or tries many: see the package's docstring."""

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import structlog
from tests.simulation.world import World
from tests.virtual_time import run_virtual

_MOST_TURNS = 1_000_000  # hours of healing, before a law says what is left


def simulate(seed: int, *, aloud: bool = False) -> list[str]:
    """The history of a seed's jobs. Raises what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(seed, Path(folder), print if aloud else lambda text: None)
        run_virtual(world.run, most_turns=_MOST_TURNS)
        return world.store.history


def quiet() -> None:
    """A world full of faults has much to log."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, help="one seed, aloud")
    parser.add_argument("--seeds", type=int, default=2000, help="how many, from 0 on")
    parser.add_argument("--from", dest="first", type=int, default=0)
    options = parser.parse_args()
    quiet()
    if options.seed is not None:
        print("\n".join(simulate(options.seed, aloud=True)))
        return
    began = time.monotonic()
    for seed in range(options.first, options.first + options.seeds):
        try:
            simulate(seed)
        except BaseException:
            print(f"seed {seed} failed; replay: python -m tests.simulation {seed}", flush=True)
            raise
        if (seed + 1) % 100 == 0:
            print(f"{seed + 1} seeds, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of strings have an order, too
        os.execve(sys.executable, sys.orig_argv, {**os.environ, "PYTHONHASHSEED": "0"})
    main()
