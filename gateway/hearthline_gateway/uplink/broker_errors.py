"""Why there is no connection to the broker, in words for the technician, with the next step."""

import socket
import ssl
from collections.abc import Mapping
from typing import Final

from hearthline_gateway.errors import GatewayError


class LinkError(GatewayError):
    """The connection to the broker could not be made, or is gone. The gateway tries again by itself."""


_REFUSALS: Final[Mapping[int, str]] = {
    0x80: "it gave no reason: look into the broker's log",
    0x84: "it does not speak MQTT 5: use mosquitto 2.0.11 or newer, or another MQTT 5 broker",
    0x85: "it does not accept the gateway's name as client id: look at gateway.name and the broker's rules",
    0x86: "user name or password is wrong: compare mqtt.username and mqtt.password_file with the broker's accounts",
    0x87: "this gateway is not authorised: admit it in the broker's access list, or mend mqtt.username or certificate",
    0x88: "it is not available: look at the broker's log",
    0x89: "it is busy: look at the broker's load",
    0x8A: "this gateway is banned there: look at the broker's access list",
    0x8C: "it wants another way to prove who we are: look at the broker's authentication plugin",
    0x8E: "another gateway connected with the same name: give each its own gateway.name",
    0x95: "a message was larger than it takes: raise max_packet_size there, or lower uplink.batch_readings",
    0x97: "its quota is used up: look at the broker's limits",
}


def refused(place: str, code: int, name: str) -> LinkError:
    """The broker answered, and said no."""
    step = _REFUSALS.get(code, "look into the broker's log")
    return LinkError(f"the broker at {place} refused the connection ({name}): {step}")


def ended(place: str, code: int, name: str) -> LinkError:
    """The connection was there and is gone."""
    step = _REFUSALS.get(code) if code > 0x80 else None
    return LinkError(f"the connection to the broker at {place} ended ({name})" + (f": {step}" if step else ""))


def hung_up(place: str, *, asked_for_certificate: bool) -> LinkError:
    """It took the connection and closed it before a word was said; over TLS that is how a certificate is demanded."""
    step = "set mqtt.cert_file if it wants a certificate" if asked_for_certificate else "is this an MQTT broker?"
    return LinkError(f"the broker at {place} closed the connection at once: look into its log; {step}")


def unreachable(place: str, error: Exception) -> LinkError:
    """No connection was made."""
    return LinkError(f"the broker at {place} cannot be reached: {_why(error)}")


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}): set mqtt.ca_file to the authority that signed "
            "it, and use the name the certificate is for"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection ({error.reason or error}): look at mqtt.url's scheme and port and the certificates"
    if isinstance(error, socket.gaierror):
        return "its name is not known: look at mqtt.url and the home's internet connection"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there: is the broker running, and is mqtt.url right?"
    if isinstance(error, TimeoutError):
        return "no answer in time: look at the network between here and there"
    return f"{error}: look at mqtt.url and the network"
