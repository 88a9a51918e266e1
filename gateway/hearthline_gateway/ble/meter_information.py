"""What a meter says of itself in its Device Information Service: for the technician, never for a reading."""

from dataclasses import dataclass
from typing import Final

import structlog

from hearthline_gateway.ble.meter_link import REFUSALS, MeterLink
from hearthline_gateway.gatt.device_information import FirmwareRevision, ManufacturerName, ModelNumber
from hearthline_gateway.gatt.errors import DecodeError
from hearthline_gateway.gatt.text import Utf8Text

log = structlog.get_logger(__name__)

_LONGEST: Final = 80
"""What the gateway's status has room for."""


@dataclass(frozen=True, slots=True)
class MeterInformation:
    """Each is None where the meter does not say it."""

    manufacturer: str | None = None
    model_number: str | None = None
    firmware: str | None = None


async def read_information(link: MeterLink) -> MeterInformation:
    """Read what there is. A meter that refuses one of them is not asked again in this connection, and not failed."""
    return MeterInformation(
        manufacturer=await _text(link, ManufacturerName),
        model_number=await _text(link, ModelNumber),
        firmware=await _text(link, FirmwareRevision),
    )


async def _text(link: MeterLink, kind: type[Utf8Text]) -> str | None:
    if not link.readable(kind.characteristic):
        return None
    try:
        text = kind.decode(await link.read(kind.characteristic)).text
    except DecodeError as error:
        log.info("meter_information_unreadable", characteristic=kind.characteristic, reason=str(error))
        return None
    except REFUSALS as error:
        if link.gone.is_set():
            raise
        log.info("meter_information_refused", characteristic=kind.characteristic, error=str(error))
        return None
    return "".join(letter for letter in text if letter.isprintable()).strip()[:_LONGEST] or None
