"""The whole fleet in one process, with a virtual clock and every fault chosen by a seed.

    beginning.py  what the store knows at first
    world.py      puts it together, lets it run, then heals it and waits for the end
    replicas.py   servers over one store that fails, and their crashes
    hosts.py      agents on dummy machines, and their crashes
    network.py    how all these reach each other, or do not
    people.py     who submits, cancels, approves and drains meanwhile
    guests.py     what runs in the machines
    laws.py       what must hold at every commit, and what in the end

In every fifth world there is GitHub, too, and native jobs along with its:

    forge.py        the stand-in, all of whose faults come and go, and what people do there
    forge_laws.py   what must hold of its jobs

A seed decides everything, so a failing one replays exactly:

    python -m tests.simulation 4711           one seed, telling what happens
    make simulate SEEDS=100000                many
"""
