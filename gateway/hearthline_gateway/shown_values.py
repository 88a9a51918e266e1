"""Who looked at measured values. They are a patient's; whoever has them printed is on record first."""

import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hearthline_gateway.durable_file import give_to_owner
from hearthline_gateway.errors import GatewayError

FILE_NAME: Final = "values-shown.log"


class NotLoggedError(GatewayError):
    """The look could not be put on record, so the values are not shown."""


def log_look(folder: Path, command: str) -> None:
    """Append who, when and by which command, and return once that is on the disk. Raises :class:`NotLoggedError`."""
    entry = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "user": (os.environ.get("SUDO_USER") if os.geteuid() == 0 else None) or _user(),
        "uid": os.getuid(),
    }
    path = folder / FILE_NAME
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "a") as log:
            give_to_owner(descriptor, folder)
            log.write(json.dumps(entry) + "\n")
            log.flush()
            os.fsync(log.fileno())
    except OSError as error:
        raise NotLoggedError(
            f"values are shown only where that can be logged, and {path} cannot be written ({error.strerror}): run "
            "this as the gateway's user, or leave out --show-values"
        ) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this number, as in a container
        return str(os.getuid())
