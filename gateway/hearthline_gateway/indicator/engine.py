"""The port behind which a light or a loudspeaker stands."""

from typing import Protocol

from hearthline_gateway.errors import GatewayError
from hearthline_gateway.indicator.patterns import Pattern


class IndicatorError(GatewayError):
    """A light or loudspeaker that cannot be used; the message names it and the next step."""


class IndicatorEngine(Protocol):
    """One way of telling."""

    async def open(self) -> None:
        """Take hold of it; raises :class:`IndicatorError` where it is not there or not ours to use."""

    async def play(self, pattern: Pattern) -> None:
        """One round of the pattern; returns when it is over. May be cancelled at any time. Raises
        :class:`IndicatorError`."""

    async def close(self) -> None:
        """Leave it as it was found."""
