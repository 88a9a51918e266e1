"""Calls through whatever Apprise can reach: push services, chats, SMS gateways. The address is its URL, a secret.

Apprise works in threads and, left alone, holds messages back for seconds. Here nothing is held back, and nothing waits
in the event loop. It says only whether a service took the message, so that a no may still have arrived.
"""

import asyncio
import logging
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import apprise

from hearthline_backend.alerting.call_texts import body, subject
from hearthline_backend.alerting.channels import DeliveryError, Message

TIMEOUT_S: Final = 10.0
AT_ONCE: Final = 32

for _name in ("apprise", "urllib3"):  # they write addresses, and so secrets, into their logs
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class AppriseChannel:
    """A :class:`~hearthline_backend.alerting.channels.Channel` on Apprise, one thread for a message."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        _learn_services()
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(AT_ONCE, "apprise")

    async def send(self, message: Message) -> None:
        """Send once; the service's yes is the proof."""
        loop = asyncio.get_running_loop()
        sent = loop.run_in_executor(self._threads, _notify, message, self._timeout_s)
        try:
            taken = await asyncio.wait_for(sent, self._timeout_s)
        except TimeoutError as error:
            raise DeliveryError("the service did not answer in time", maybe_arrived=True) from error
        if taken is None:
            raise DeliveryError("the address is none that Apprise knows", permanent=True)
        if not taken:
            raise DeliveryError("the service did not take it", maybe_arrived=True)

    async def close(self) -> None:
        """Begin nothing else; a thread in the middle of a message ends by its own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def known(address: str) -> bool:
    """Whether Apprise can make something of an address."""
    _learn_services()
    return _service(address) is not None


@cache
def _learn_services() -> None:
    """Apprise reads its services when it first needs one; here, where no thread or event loop waits for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what it imports for services of others
        _service("json://localhost")


def _service(address: str) -> apprise.NotifyBase | None:
    asset = apprise.AppriseAsset(async_mode=False, secure_logging=True)
    return apprise.Apprise.instantiate(address, asset=asset)


def _notify(message: Message, timeout_s: float) -> bool | None:
    """None where the address means nothing."""
    service = _service(message.address)
    if service is None:
        return None
    service.request_rate_per_sec = 0
    service.socket_connect_timeout = min(service.socket_connect_timeout, timeout_s / 2)
    service.socket_read_timeout = min(service.socket_read_timeout, timeout_s / 2)
    text, title = body(message), subject(message)
    return bool(service.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT))
