"""A characteristic that is one text in UTF-8.

Meters pad their texts with zero bytes. What follows the first of them belongs to no text and is kept as ``trailing``.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks


class TextError(DecodeError):
    """Bytes that are no UTF-8; ``at`` is where the first bad byte stands. The message never holds the text: it may be
    a person's name."""

    def __init__(self, characteristic: str, at: int) -> None:
        self.at = at
        super().__init__(
            f"byte {at + 1} of the text is not UTF-8. Nothing is lost by leaving this text out; if it is needed, set "
            "it again on the meter",
            characteristic=characteristic,
        )


@dataclass(frozen=True, slots=True)
class Utf8Text:
    """``text`` is hidden from representations, so that no log line can hold it by accident."""

    characteristic: ClassVar[str]

    text: str = field(repr=False)
    trailing: bytes = b""

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:  # noqa: ARG003 - see encode
        """Read a frame; raises ``DecodeError``."""
        text, _, _ = payload.partition(b"\0")
        try:
            return cls(text.decode("utf-8"), payload[len(text) :])
        except UnicodeDecodeError as error:
            # without its cause: the codec's own error carries the bytes
            raise TextError(cls.characteristic, error.start) from None

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:  # noqa: ARG002 - the signature is every measurement's
        """The inverse of :meth:`decode`."""
        return self.text.encode("utf-8") + self.trailing
