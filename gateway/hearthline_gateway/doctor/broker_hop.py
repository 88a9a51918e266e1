"""The broker: its certificate and ours, and whether it lets this gateway in."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from hearthline_gateway.ages import span
from hearthline_gateway.control.messages import GatewayState
from hearthline_gateway.doctor.certificate import valid_until
from hearthline_gateway.doctor.finding import Finding, State, cause_and_step
from hearthline_gateway.doctor.internet_hop import WITHIN_S
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.sole_user import sole_user_of
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_gateway.uplink.broker_errors import LinkError, unreachable
from hearthline_gateway.uplink.link import Link
from hearthline_protocol import topics
from hearthline_protocol.messages import GatewayStatus

EXPIRES_SOON: Final = timedelta(days=30)


async def tls(address: BrokerAddress, now: datetime) -> Finding:
    """Whether the broker is who it should be, and for how long."""
    if not address.tls:
        return Finding("broker", "TLS", State.OK, "not encrypted, as mqtt.url says")
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(2 * WITHIN_S):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=_context(address))
        until = _end_of(writer)
    except ConnectionError as error:
        words = f"{address.place} ended the TLS handshake ({error.strerror})."
        step = "Is that port encrypted? Compare mqtt.url's scheme and port, and look into the broker's log."
        return Finding("broker", "TLS", State.BROKEN, words, step)
    except (OSError, ValueError, TimeoutError) as error:  # ssl.SSLError is an OSError
        return Finding("broker", "TLS", State.BROKEN, *cause_and_step(str(unreachable(address.place, error))))
    finally:
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
    return _expiry("TLS", "the broker's certificate", until, now, "Renew the broker's certificate.")


def own_certificate(address: BrokerAddress, now: datetime) -> Iterator[Finding]:
    """How long this gateway's own certificate is good for."""
    if address.cert_file is None:
        return
    try:
        until = valid_until(address.cert_file)
    except (OSError, ValueError) as error:
        words = f"{address.cert_file} cannot be used ({error})."
        yield Finding("broker", "own certificate", State.BROKEN, words, "Put the gateway's certificate there, as PEM.")
        return
    step = f"Renew this gateway's certificate in {address.cert_file}; it is read again at the next connection."
    yield _expiry("own certificate", "this gateway's certificate", until, now, step)


def as_the_gateway_says(state: GatewayState, address: BrokerAddress) -> Finding:
    """The running gateway's own connection."""
    if state.uplink_connected:
        return Finding("broker", "MQTT", State.OK, f"the running gateway is connected to {address.place}")
    words, step = cause_and_step(state.uplink_problem or "not connected yet")
    return Finding("broker", "MQTT", State.BROKEN, words, step or "It is tried again by itself; look again soon.")


async def as_the_gateway(settings: GatewaySettings) -> Finding:
    """Connect as the gateway would, while none runs: two of one name would throw each other off."""
    name, address = settings.gateway.name, settings.mqtt.broker
    try:
        with sole_user_of(settings.gateway.data_dir):
            link = await Link.open(
                address,
                client_id=name,
                will_topic=topics.status(name),
                will=GatewayStatus(state="offline").model_dump_json().encode(),
            )
            try:
                for topic in (topics.receipts(name), topics.config(name), topics.commands(name)):
                    await link.subscribe(topic)
            finally:
                await link.close()
    except LinkError as error:
        return Finding("broker", "MQTT", State.BROKEN, *cause_and_step(str(error)))
    except (GatewayError, TimeoutError) as error:
        words = str(error) or "the broker did not answer in time"
        return Finding("broker", "MQTT", State.UNKNOWN, words, "Run this with sudo, then look again.")
    return Finding("broker", "MQTT", State.OK, f"{address.place} lets this gateway in")


def _context(address: BrokerAddress) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(address.ca_file) if address.ca_file else None)
    if address.cert_file is not None:
        context.load_cert_chain(str(address.cert_file), str(address.key_file) if address.key_file else None)
    return context


def _end_of(writer: asyncio.StreamWriter) -> datetime:
    certificate = writer.get_extra_info("peercert")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)


def _expiry(check: str, whose: str, until: datetime, now: datetime, step: str) -> Finding:
    left = until - now
    if left <= timedelta(0):
        return Finding("broker", check, State.BROKEN, f"{whose} ended {span(-left)} ago.", step)
    if left <= EXPIRES_SOON:
        return Finding("broker", check, State.SOON, f"{whose} ends in {span(left)}", step)
    return Finding("broker", check, State.OK, f"{whose} is good for {span(left)}")
