"""How a meter with a display pairs: it shows six digits that the other side has to enter."""

from bumble.pairing import PairingDelegate


class _Display(PairingDelegate):
    def __init__(self, passkey: int) -> None:
        super().__init__(PairingDelegate.DISPLAY_OUTPUT_ONLY)
        self._passkey = passkey

    async def generate_passkey(self) -> int:
        return self._passkey


def display_passkey(passkey: int) -> PairingDelegate:
    """A display that shows ``passkey`` (0 to 999999)."""
    if not 0 <= passkey <= 999_999:
        raise ValueError("a passkey has six digits")
    return _Display(passkey)
