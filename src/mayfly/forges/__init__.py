"""The protocols of forges: what their webhooks say, and what their interfaces can be asked.

One folder a forge: `events.py` reads without I/O, `client.py` is the thin HTTP around it. What
follows from it is decided in `server/`.
"""
