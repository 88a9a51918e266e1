"""The way from the home to the broker: its name, and whether packets arrive."""

import asyncio
import ipaddress
import socket
from contextlib import suppress
from typing import Final

from hearthline_gateway.doctor.finding import Finding, State
from hearthline_gateway.uplink.address import BrokerAddress

WITHIN_S: Final = 5.0
_HOME: Final = "Look at the home's internet box, its cable and power"


async def name(address: BrokerAddress) -> Finding:
    """Whether the broker's name is known."""
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        pass
    else:
        return Finding("internet", "DNS", State.OK, f"{address.host} needs no name server")
    try:
        async with asyncio.timeout(WITHIN_S):
            found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        words = f"the name {address.host} is not known ({_reason(error)})."
        return Finding("internet", "DNS", State.BROKEN, words, f"Correct mqtt.url if the name is wrong. {_HOME}.")
    return Finding("internet", "DNS", State.OK, f"{address.host} is {found[0][4][0]}")


async def reach(address: BrokerAddress) -> Finding:
    """Whether the broker's port takes a connection. Refused is the broker's fault: the packets arrived."""
    try:
        async with asyncio.timeout(WITHIN_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except ConnectionRefusedError:
        return Finding(
            "broker",
            "TCP",
            State.BROKEN,
            f"nothing listens at {address.place}.",
            "Start the broker, or correct the port in mqtt.url.",
        )
    except TimeoutError:
        words = f"no answer from {address.place} in {WITHIN_S:.0f} s."
        return Finding("internet", "TCP", State.BROKEN, words, f"{_HOME}, and the firewalls on the way.")
    except OSError as error:
        words = f"{address.place} is not reached ({_reason(error)})."
        return Finding("internet", "TCP", State.BROKEN, words, f"{_HOME}; compare mqtt.url.")
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return Finding("internet", "TCP", State.OK, f"{address.place} takes connections")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)
