"""A channel whose calls are counted."""

from collections.abc import Callable

from hearthline_backend.alerting.channels import Channel, DeliveryError, Message


class CountedChannel:
    """The :class:`~hearthline_backend.alerting.channels.Channel` port around another one. ``told`` hears ``sent``,
    ``failed``, or ``unknown`` where it may have arrived."""

    def __init__(self, channel: Channel, told: Callable[[str], None]) -> None:
        self._channel = channel
        self._told = told

    async def send(self, message: Message) -> None:
        """Send it."""
        try:
            await self._channel.send(message)
        except DeliveryError as error:
            self._told("unknown" if error.maybe_arrived else "failed")
            raise
        except Exception:
            self._told("unknown")
            raise
        self._told("sent")

    async def close(self) -> None:
        """Give connections back."""
        await self._channel.close()
