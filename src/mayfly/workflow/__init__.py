"""Workflow text to plan: YAML, schema, expressions, matrix, triggers. Pure."""
