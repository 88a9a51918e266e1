"""Only one process at a time works with a data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hearthline_gateway.durable_file import give_to_owner
from hearthline_gateway.errors import GatewayError


@contextmanager
def sole_user_of(folder: Path) -> Iterator[None]:
    """Two gateways over one outbox would send everything twice and throw each other off the broker. Raises
    :class:`GatewayError` where another one is at work."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(folder / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise GatewayError(
            f"{folder} cannot be written ({error.strerror}): run this as the gateway's user, or set gateway.data_dir"
        ) from error
    with os.fdopen(descriptor, "r+b"):
        give_to_owner(descriptor, folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GatewayError(
                f"another gateway runs with the outbox in {folder}: end it, or give this one its own gateway.data_dir"
            ) from error
        yield
