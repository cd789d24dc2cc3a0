"""Every version of the schema, each with the way there and back; see docs/database.md."""
