"""The topics. Identity comes from the topic, which the broker's access list guards, never from the payload."""

import re
from typing import Final

ROOT: Final = "hearthline/v1"
GATEWAY_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}", re.ASCII)
"""What a gateway may be called: also its MQTT user name and its certificate's common name."""

ALL_READINGS: Final = f"{ROOT}/+/readings"
ALL_STATUS: Final = f"{ROOT}/+/status"
ALL_REPORTED: Final = f"{ROOT}/+/config/reported"
ALL_REPLIES: Final = f"{ROOT}/+/commands/replies"


def readings(gateway: str) -> str:
    """Gateway to backend: batches of readings."""
    return f"{ROOT}/{gateway}/readings"


def receipts(gateway: str) -> str:
    """Backend to gateway: what became of each reading."""
    return f"{ROOT}/{gateway}/receipts"


def status(gateway: str) -> str:
    """Gateway to backend, retained, and the last will."""
    return f"{ROOT}/{gateway}/status"


def config(gateway: str) -> str:
    """Backend to gateway, retained: the configuration wanted."""
    return f"{ROOT}/{gateway}/config"


def config_reported(gateway: str) -> str:
    """Gateway to backend, retained: the configuration in force."""
    return f"{ROOT}/{gateway}/config/reported"


def commands(gateway: str) -> str:
    """Backend to gateway, never retained: something to do now."""
    return f"{ROOT}/{gateway}/commands"


def command_replies(gateway: str) -> str:
    """Gateway to backend: how a command goes."""
    return f"{ROOT}/{gateway}/commands/replies"


def gateway_of(topic: str) -> str | None:
    """The gateway a topic belongs to; None when the topic is not one of ours or the name is not allowed."""
    parts = topic.split("/")
    if len(parts) < 4 or "/".join(parts[:2]) != ROOT or GATEWAY_NAME.fullmatch(parts[2]) is None:
        return None
    return parts[2]
