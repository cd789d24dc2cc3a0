"""`mayfly shell`: an interactive machine, or the kept machine of a failed job."""


def shell() -> None:
    """x"""
