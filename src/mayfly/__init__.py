"""Mayfly: every CI job in a fresh, single-use microVM."""

__version__ = "0.1.0"
