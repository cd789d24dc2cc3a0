"""Reads newc archives, on its own account: shares nothing with the writer."""


def read(data: bytes) -> list[tuple[str, int, bytes]]:
    """Parse newc as the kernel does: fixed-width hexadecimal fields, everything 4-byte aligned."""
    found: list[tuple[str, int, bytes]] = []
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name_size, size = fields[11], fields[6]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        start = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return found
        found.append((name, fields[1], data[start : start + size]))
        at = (start + size + 3) & ~3
