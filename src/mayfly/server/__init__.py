"""Moves runs forward: the orchestrator, the scheduler, the local composition root."""
