"""Machines that are none: an honest fake of a driver, with faults on demand."""
