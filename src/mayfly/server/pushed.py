"""What the payload of a push says, which is the forge's word: anything may be in it."""

from mayfly.store.rows import StartRow


def changed_files(start: StartRow) -> tuple[str, ...] | None:
    """What a push changed, as its payload says; None if it does not."""
    commits = start.payload.get("commits")
    if start.event != "push" or not isinstance(commits, list):
        return None
    names: set[str] = set()
    for commit in commits:
        for kind in ("added", "modified", "removed"):
            listed = commit.get(kind) if isinstance(commit, dict) else None
            names.update(name for name in listed or () if isinstance(name, str))
    return tuple(sorted(names))


def text_of(start: StartRow, key: str) -> str | None:
    value = start.payload.get(key)
    return value if isinstance(value, str) else None
