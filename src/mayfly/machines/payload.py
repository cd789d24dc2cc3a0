"""What a host ships into every guest, whatever its image: the runner, the shell,
and what starts them."""

import functools
import hashlib
from dataclasses import dataclass

from mayfly.machines.images.initrd import Payload, PayloadFile, PayloadLink
from mayfly.runner import package


@dataclass(frozen=True, slots=True)
class Shipment:
    """Files to lay over the guest's root, and the digest that names them all."""

    files: Payload
    digest: str


@functools.cache
def payload() -> Shipment:
    zipapp, unit, shell = package.build_zipapp(), package.unit(), package.shell_unit()
    files: Payload = {
        package.RUNNER_FILE: PayloadFile(zipapp, 0o755),
        package.UNIT_FILE: PayloadFile(unit.encode()),
        package.UNIT_LINK: PayloadLink(package.UNIT_FILE),
        package.SHELL_UNIT_FILE: PayloadFile(shell.encode()),
        package.SHELL_UNIT_LINK: PayloadLink(package.SHELL_UNIT_FILE),
    }
    return Shipment(files, hashlib.sha256(zipapp + unit.encode() + shell.encode()).hexdigest())
