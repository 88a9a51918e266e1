"""Scales that nobody connects to: one frame for each weighing that they advertise, however often they repeat it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from bleak.uuids import normalize_uuid_16

from hearthline_gateway.advertised.xiaomi_scale import SERVICES, XiaomiWeighing
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.errors import DecodeError

log = structlog.get_logger(__name__)

_TICKING: Final = timedelta(seconds=60)
"""A scale whose stamp goes on while it repeats a weighing says so at least this often."""
_LONG_UUIDS: Final = {service: normalize_uuid_16(int(service, 16)) for service in SERVICES}


@dataclass(slots=True)
class _Weighed:
    """The newest weighing: ``left`` once its person has moved or stepped off."""

    weighing: XiaomiWeighing
    heard_at: datetime
    left: bool = False

    def repeated_by(self, other: XiaomiWeighing, now: datetime) -> bool:
        """Whether the scale only says it again."""
        known = self.weighing
        if (other.steps, other.weight_unit) != (known.steps, known.weight_unit):
            return False
        if other.time_stamp == known.time_stamp and known.time_stamp.known:
            return True
        return not self.left and now - self.heard_at <= _TICKING


class AdvertisedScale:
    """One Xiaomi scale. What counts as a weight at rest with somebody on the scale is xiaomi-ble's judgement."""

    def __init__(self, meter: ConfiguredMeter, now: Callable[[], datetime]) -> None:
        # imported here: it brings half a web client along (20 MB), and most homes have no such scale
        from home_assistant_bluetooth import BluetoothServiceInfo  # noqa: PLC0415
        from xiaomi_ble.parser import XiaomiBluetoothDeviceData  # noqa: PLC0415

        self._service_info, self._parser = BluetoothServiceInfo, XiaomiBluetoothDeviceData
        self._meter, self._now = meter, now
        self._newest: _Weighed | None = None
        self._looked_at: bytes | None = None

    def heard(self, service_data: Mapping[str, bytes]) -> Frame | None:
        """Take one advertisement; answers with a frame where it is a weighing not told before."""
        for service, uuid in _LONG_UUIDS.items():
            if uuid in service_data:
                return self._look_at(service, bytes(service_data[uuid]))
        return None

    def _look_at(self, service: str, payload: bytes) -> Frame | None:
        now = self._now()
        if payload == self._looked_at:
            if self._newest is not None and not self._newest.left:
                self._newest.heard_at = now
            return None
        self._looked_at = payload
        try:
            weighing = XiaomiWeighing.decode(service, payload)
        except DecodeError as error:
            log.info("advertisement_not_decoded", meter=self._meter.address, length=len(payload), reason=str(error))
            return None
        if not self._at_rest(service, payload):
            if self._newest is not None:
                self._newest.left = True
            return None
        if self._newest is not None and self._newest.repeated_by(weighing, now):
            self._newest = _Weighed(weighing, now)
            return None
        self._newest = _Weighed(weighing, now)
        return self._frame(service, payload, now)

    def _frame(self, service: str, payload: bytes, now: datetime) -> Frame:
        return Frame(
            sensor=self._meter.address,
            characteristic=service,
            payload=payload,
            received_time=now,
            model=self._meter.model.name,
            first=True,
            alone=True,
        )

    def _at_rest(self, service: str, payload: bytes) -> bool:
        advertisement = self._service_info(
            name="",
            address=self._meter.address,
            rssi=0,
            manufacturer_data={},
            service_data={_LONG_UUIDS[service]: payload},
            service_uuids=[],
            source="",
        )
        told = self._parser().update(advertisement)
        return any(key.key == "mass" for key in told.entity_values)
