"""What pages show, as small dataclasses made from rows by pure functions."""
