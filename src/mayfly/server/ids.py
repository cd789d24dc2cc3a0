"""Ids that nobody has yet; later ones sort behind earlier ones."""

import secrets
from collections.abc import Callable


def id_maker(now: Callable[[], float]) -> Callable[[], str]:
    """`now` gives seconds since 1970; an id is 19 hexadecimal digits."""

    def new_id() -> str:
        return f"{int(now() * 1000):011x}{secrets.token_hex(4)}"

    return new_id
