"""The radio as a technician's commands use it: a port, so that commands can be tested without Bluetooth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hearthline_gateway.errors import GatewayError
from hearthline_gateway.meter_models import MeterModel
from hearthline_protocol.commands import FoundMeter


class RadioError(GatewayError):
    """What was asked of the radio did not work; the message says why and what to do next."""


class PairingDialogue(Protocol):
    """A person beside the meter. Headless, everything but a known passkey is answered with None."""

    async def passkey(self, address: str) -> int | None:
        """The digits that the meter shows, or None to refuse."""

    async def type_on_meter(self, address: str, digits: str) -> None:
        """Show ``digits`` until the pairing is over; returns at once."""

    async def same(self, address: str, digits: str) -> bool | None:
        """Whether the meter shows the same digits; None where nobody answered."""


@dataclass(frozen=True, slots=True)
class PairedMeter:
    """What a fresh bond brought to light. ``address`` is the one that stays, which a meter that hides its address only
    tells who is bonded with it. ``bonded`` is False for a model that works without."""

    address: str
    bonded: bool
    manufacturer: str | None = None
    model_number: str | None = None
    firmware: str | None = None


class Radio(Protocol):
    """Each call has the adapter to itself; collecting goes on afterwards."""

    async def scan(self, seconds: float, found: Callable[[FoundMeter], None]) -> tuple[FoundMeter, ...]:
        """Health meters within reach, nearest first; ``found`` is called for each as soon as it is heard. Raises
        :class:`RadioError`."""

    async def pair(
        self, address: str, model: MeterModel, dialogue: PairingDialogue, progress: Callable[[str, float], None]
    ) -> PairedMeter:
        """Wait until the meter is heard, bond where the model wants it, check its services. ``progress`` takes words
        and the share done. Raises :class:`RadioError`."""

    async def unpair(self, address: str) -> bool:
        """Remove the bond; False when there was none. Raises :class:`RadioError`."""

    def collect_now(self, address: str | None) -> int:
        """Forget the pauses of one meter or all; returns how many meters that concerns."""
