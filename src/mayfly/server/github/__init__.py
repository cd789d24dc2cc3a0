"""Jobs of GitHub on the fleet: webhooks in, machines that become runners, and what goes wrong.

What GitHub says is a hint. Everything is decided in serial transactions on absolute state: which of
its jobs wait (`ForgeJobRow`) and which places are there for them (`RunnerRow`).
"""
