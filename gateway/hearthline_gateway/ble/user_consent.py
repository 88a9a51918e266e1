"""Scales that keep each person's weighings behind a code: open every configured slot, one after the other.

Source: Bluetooth SIG, User Data Service 1.1, User Control Point. What the scale measured of somebody it does not know
needs no code.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from hearthline_gateway.ble.control_point import ControlPoint
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.user_control_point import UserControlPoint, UserControlResponse, consent

log = structlog.get_logger(__name__)

CHARACTERISTIC: Final = UserControlPoint.characteristic
NO_CODE: Final = (
    "The scale keeps each person's weighings behind a code and none is configured: only weighings of unknown people "
    "arrive. Add consents = {SLOT = CODE} to this meter's settings; the scale shows or lets choose the code when a "
    "person is set up on it."
)


async def open_slots(
    point: ControlPoint, consents: Mapping[int, int], told: Callable[[], Awaitable[None]]
) -> str | None:
    """Open each slot with its code. A scale tells only the person whose slot was opened last, so ``told`` is awaited
    between two slots; it returns once the scale has fallen silent. Returns what is wrong, in words for a technician, or
    None."""
    problems: list[str] = []
    for number, (slot, code) in enumerate(sorted(consents.items())):
        if number:
            await told()
        answer = await point.ask(consent(slot, code).encode())
        problem = _problem(slot, answer)
        log.info("slot_opened" if problem is None else "slot_not_opened", slot=slot, answer=answer.hex())
        if problem is not None:
            problems.append(problem)
    return " ".join(problems) or None


def _problem(slot: int, answer: bytes) -> str | None:
    try:
        response = UserControlPoint.decode(answer)
    except DecodeError as error:
        return f"The scale answered the code of slot {slot} with what no profile knows ({error}). Report its model."
    if response.succeeded:
        return None
    if response.response_value is UserControlResponse.USER_NOT_AUTHORISED:
        return (
            f"The scale does not accept the code of slot {slot}. Look it up on the scale, or set the person up on it "
            "again, and correct it under consents in this meter's settings; that person's weighings stay on the scale."
        )
    if response.response_value is UserControlResponse.INVALID_PARAMETER:
        return (
            f"The scale has no slot {slot}. Look up on the scale which slot the person has and correct it under "
            "consents in this meter's settings."
        )
    reason = response.response_value
    words = reason.name.lower().replace("_", " ") if isinstance(reason, UserControlResponse) else f"{reason}"
    return f"The scale did not open slot {slot} ({words}). Confirm the gateway on the scale; its manual says how."
