"""Executes one job on the machine it is on and prints events; shipped into the guest."""
