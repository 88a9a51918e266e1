"""What ingest needs from whatever carries messages. Any MQTT 5 engine fits behind it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Message(Struct, frozen=True, gc=False):
    """One publish as it came. ``token`` names it to :meth:`Uplink.acknowledge` and means nothing else; None where
    nobody waits for an acknowledgement. ``retained`` is True for what the broker had kept from before, as it hands it
    to a new subscriber. ``received_at`` is when its bytes were read, in UTC."""

    # A Struct costs a seventh of a frozen dataclass to make, and one is made for every message that arrives.
    topic: str
    payload: bytes
    correlation: bytes | None
    retained: bool
    received_at: datetime
    token: int | None


class Uplink(Protocol):
    """Messages from the homes, and answers to them.

    A message that is not acknowledged stays the broker's business: at most so many are under way at once, and that is
    the back-pressure. When the connection breaks, what was not acknowledged may come again, and its tokens are void.
    """

    @property
    def connected(self) -> bool:
        """Whether messages can come at this moment."""

    async def start(self) -> None:
        """Begin to connect, and keep connecting for as long as it takes; returns at once."""

    async def messages(self, most: int, linger_s: float) -> Sequence[Message]:
        """Wait for a message, then take what else is there or comes within ``linger_s``, up to ``most``. Returns
        sooner when no more can come before something is acknowledged. One task at a time may ask."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these are settled. Void tokens are passed over."""

    def publish(self, topic: str, payload: bytes, correlation: bytes | None, *, retain: bool = False) -> bool:
        """Hand one answer to the engine. False when there is no connection, or the broker takes no more at this moment:
        whoever waits for it will ask again. ``retain`` has the broker keep it for whoever subscribes later."""

    async def close(self) -> None:
        """Leave the broker; what was not acknowledged goes back to it."""
