"""Benchmarks: what `make bench` prints. Figures of one run belong together; none is a test."""
