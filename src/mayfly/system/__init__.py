"""Processes, clock, files, logging: knows nothing of CI."""
