"""Runs a trace of jobs through the scheduler in made-up time, beside first come, first served.

`trace` says what a trace is, `format` how it is written, `reading` reads and `generate` makes one;
`policy` prepares it for the scheduler, `engine` lets time pass, `gauges` and `measure` sum up.
Pure: no I/O and no clock.
"""
