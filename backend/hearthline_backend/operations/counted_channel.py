"""A channel whose calls are counted."""

from typing import Protocol

from hearthline_backend.alerting.channels import Channel, DeliveryError, Message
from hearthline_backend.storage.records.calls import Occasion


class Told(Protocol):
    """Hears how a call went."""

    def __call__(self, outcome: str, *, last_resort: bool) -> None:
        """``sent``, ``failed``, or ``unknown`` where it may have arrived."""


class CountedChannel:
    """The :class:`~hearthline_backend.alerting.channels.Channel` port around another one."""

    def __init__(self, channel: Channel, told: Told) -> None:
        self._channel = channel
        self._told = told

    async def send(self, message: Message) -> None:
        """Send it."""
        last = message.occasion is Occasion.LAST_RESORT
        try:
            await self._channel.send(message)
        except DeliveryError as error:
            self._told("unknown" if error.maybe_arrived else "failed", last_resort=last)
            raise
        except Exception:
            self._told("unknown", last_resort=last)
            raise
        self._told("sent", last_resort=last)

    async def close(self) -> None:
        """Give connections back."""
        await self._channel.close()
