"""How a law is held to."""


class LawBroken(AssertionError):
    pass


def hold(what: object, law: str, *details: object) -> None:
    if not what:
        raise LawBroken(f"{law}: {', '.join(map(str, details))}")
