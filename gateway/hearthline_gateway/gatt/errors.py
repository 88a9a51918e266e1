"""The errors of decoding: typed, with data, naming what is missing."""


class DecodeError(Exception):
    """A frame that is not what its characteristic promises.

    ``characteristic`` is the 16-bit UUID in upper-case hex, ``missing`` the name of the first field that the frame does
    not hold, or None where no field is to blame.
    """

    def __init__(self, message: str, *, characteristic: str, missing: str | None = None) -> None:
        self.characteristic, self.missing = characteristic, missing
        super().__init__(message)


class TruncatedError(DecodeError):
    """The frame ends before a field that its flags promise: ``needed`` bytes for the field, ``got`` there."""

    def __init__(self, characteristic: str, field: str, needed: int, got: int) -> None:
        self.field, self.needed, self.got = field, needed, got
        super().__init__(
            f"the frame ends before its {field.replace('_', ' ')}: {needed} bytes needed, {got} there. "
            "Measure again; if it happens again, keep the frame and report the meter's model",
            characteristic=characteristic,
            missing=field,
        )


class CrcMismatchError(DecodeError):
    """The E2E-CRC does not fit what it protects: ``sent`` came with the frame, ``computed`` is of its content."""

    def __init__(self, characteristic: str, sent: int, computed: int) -> None:
        self.sent, self.computed = sent, computed
        super().__init__(
            f"the frame's E2E-CRC is wrong: 0x{sent:04X} was sent, its content gives 0x{computed:04X}. Ask the sensor "
            "for the record again; if it happens again, keep the frame and report the sensor's model",
            characteristic=characteristic,
        )


class UnknownCharacteristicError(DecodeError):
    """No decoder knows the characteristic."""

    def __init__(self, characteristic: str, known: tuple[str, ...]) -> None:
        self.known = known
        super().__init__(
            f"characteristic {characteristic} is not one this gateway decodes; it decodes {', '.join(known)}",
            characteristic=characteristic,
        )
