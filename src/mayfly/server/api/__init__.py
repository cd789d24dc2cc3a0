"""The HTTP interface: each file one part of it; `access.py` is the gate of all."""
