"""A bond that only one side still has: told from other trouble, and renewed where that can do no harm.

A meter forgets its bond by a reset, by new batteries, or by pairing with somebody else. Our side then holds a key that
opens nothing, and every connection ends at its encryption. Removing our half lets the meter pair anew, but only if the
meter allows that without somebody pressing its button; so what merely looks like a stale bond must not cost a good one.
"""

from enum import Enum, auto
from typing import Final

from bleak.exc import BleakDBusError, BleakGATTProtocolError, BleakGATTProtocolErrorCode

from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.meter_models import MeterModel

_KEY_MISSING: Final = ("br-connection-key-missing", "le-connection-key-missing")
_CANCELLED: Final = "br-connection-canceled"
"""What bluetoothd 5.82 answers when the meter no longer has the key. A meter that hangs up during the encryption looks
the same."""
_AUTHENTICATION_FAILED: Final = "org.bluez.Error.AuthenticationFailed"
_NOT_PERMITTED: Final = "org.bluez.Error.NotPermitted"
_INSECURE: Final = (
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
)
_SIGNS_NEEDED: Final = 2
"""How often in a row the ambiguous sign has to come before a bond is removed for it."""
_MEND_AGAIN_S: Final = 3600.0
"""A meter that forgets more often is broken, or shared with another host: a person has to look."""


class Staleness(Enum):
    """How sure it is that the meter has forgotten the bond."""

    NO = auto()
    LIKELY = auto()
    CERTAIN = auto()


def staleness(error: BaseException, *, paired: bool) -> Staleness:
    """What an error tells of a bond that bluetoothd holds (``paired``)."""
    if not paired:
        return Staleness.NO
    if isinstance(error, BleakGATTProtocolError):
        return Staleness.CERTAIN if error.code in _INSECURE else Staleness.NO
    if not isinstance(error, BleakDBusError):
        return Staleness.NO
    text = str(error)
    if any(word in text for word in _KEY_MISSING) or error.dbus_error == _AUTHENTICATION_FAILED:
        return Staleness.CERTAIN
    if error.dbus_error == _NOT_PERMITTED and "Not paired" in text:
        return Staleness.CERTAIN
    return Staleness.LIKELY if _CANCELLED in text else Staleness.NO


def pairs_unattended(model: MeterModel) -> bool:
    """Whether a new bond may come about with nobody beside the meter: it is said to, or asks for no digits."""
    return model.pair and (model.mend_bond or model.digits is None)


class BondMender:
    """Decides what becomes of a stale bond. ``allowed`` is the technician's word."""

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed

    def may_pair_anew(self, model: MeterModel) -> bool:
        """Whether a meter of that model may be bonded again without a person."""
        return self._allowed and pairs_unattended(model)

    def reason_against(self, state: MeterState, sign: Staleness, now: float) -> str | None:
        """Why the bond is left as it is; None when it is to be removed. Counts the sign."""
        state.stale_signs += 1
        if not self._allowed:
            return "bluetooth.mend_bonds is off, so that the bond is left to you"
        if not pairs_unattended(state.meter.model):
            return "it pairs only with its digits"
        if state.mended_at is not None and now - state.mended_at < _MEND_AGAIN_S:
            return "its bond was already renewed within the last hour: look whether it is used with another device"
        if sign is Staleness.LIKELY and state.stale_signs < _SIGNS_NEEDED:
            return "it is tried once more before the bond is renewed"
        return None

    def mended(self, state: MeterState, adapter: str, now: float) -> None:
        """The bond was removed: the next connection pairs."""
        state.mended_at = now
        state.stale_signs = 0
        state.paired = False
        state.bonds.discard(adapter)
