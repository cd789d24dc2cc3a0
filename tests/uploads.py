"""Uploads that are there, as far as rows go."""

from mayfly.store.base import Tx
from mayfly.store.rows import UploadRow


def there(tx: Tx, *names: str, now: float = 0.0) -> None:
    """Of nobody in particular; their blobs lie under `uploads/<name>.1`."""
    for name in names:
        blob = f"uploads/{name}.1"
        tx.put(UploadRow(id=name, owner="user/test", blob=blob, size=0, used=now))
