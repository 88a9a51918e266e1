"""Why the broker said no, in words for the operator, with the next step."""

import socket
import ssl
from collections.abc import Mapping
from typing import Final

_ACCOUNT: Final = "compare mqtt_username and mqtt_password_file with the broker's accounts"
_NEXT_STEPS: Final[Mapping[int, str]] = {
    0x80: "it gave no reason; look into its log",
    0x84: "it does not speak MQTT 5; use mosquitto 2.0.11 or newer, or another MQTT 5 broker",
    0x86: f"user name or password is wrong; {_ACCOUNT}",
    0x87: f"this account may not; {_ACCOUNT}, and its access list with firmware-config/broker",
    0x88: "it is not available; look into its log",
    0x89: "it is busy; look at its load",
    0x8A: "this account or address is banned there; look at its access list",
    0x8B: "it is being stopped",
    0x8C: "it wants another way to prove who we are; allow user name and password there",
    0x8D: "it heard nothing from us for too long; look at the load of this machine",
    0x8E: "another client took our session; look for a second backend with the same client id",
    0x93: "it says we had too many messages under way; look for a newer version of it",
    0x95: "a message was larger than it takes; raise max_packet_size there",
    0x97: "its quota is used up; look at its limits",
    0x9E: "it has no shared subscriptions; use another broker, or one process without mqtt_share",
    0x9F: "it takes no connections so quickly; look at its limits",
}


def refused(code: int, name: str) -> str:
    """The broker answered our CONNECT, and said no."""
    return f"the broker refused us ({name}): {_NEXT_STEPS.get(code, 'look into its log')}"


def ended(code: int, name: str) -> str:
    """The broker said goodbye with a reason."""
    return f"the broker ended it ({name}): {_NEXT_STEPS.get(code, 'look into its log')}"


def unreachable(error: Exception) -> str:
    """No connection was made."""
    return f"the broker cannot be reached: {_why(error)}"


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}); set mqtt_ca_file to the authority that signed "
            "it, and use the name the certificate is for"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection ({error.reason or 'no reason given'}); look at mqtt_url's scheme, port, mqtt_ca_file"
    if isinstance(error, socket.gaierror):
        return "its name is not known; look at mqtt_url and the name service"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there; is it running, and is mqtt_url right?"
    if isinstance(error, FileNotFoundError | PermissionError):
        return "mqtt_ca_file cannot be read; check its path and mode"
    if isinstance(error, TimeoutError):
        return "no answer in time; look at the network"
    detail = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__} ({detail or 'no more is known'}); look at mqtt_url and the network"
