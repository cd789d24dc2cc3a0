"""The whole fleet in one process, with a virtual clock and every fault chosen by a seed.

    world.py      puts it together, lets it run, then heals it and waits for the end
    replicas.py   servers over one store that fails, and their crashes
    hosts.py      agents on dummy machines, behind a network that fails, and their crashes
    people.py     who submits, cancels, approves and drains meanwhile
    laws.py       what must hold at every commit, and what in the end

A seed decides everything, so a failing one replays exactly:

    python -m tests.simulation 4711           one seed, telling what happens
    make simulate SEEDS=100000                many
"""
