"""Weight scale, service 0x181D, with its clock in Current Time 0x1805."""

import struct
from typing import ClassVar

from bumble.gatt import Characteristic, Service

from hearthline_simulator.meters.gatt_table import live, measurement, readable, uuid16
from hearthline_simulator.meters.meter import Kept, Meter, Record
from hearthline_simulator.meters.wall_clock import current_time, date_time

_STAMP, _USER, _BMI_AND_HEIGHT = 0x02, 0x04, 0x08
_KG_STEP = 0.005
_UNSUCCESSFUL = 0xFFFF


class WeightRecord(Record):
    """One weighing in kg (None: the scale failed), with user and height in m where the scale knows them."""

    weight: float | None
    user: int | None = None
    height: float | None = None


class WeightScale(Meter[WeightRecord]):
    """A scale that sends each weighing by indication."""

    profile = "weight_scale"
    service = "181D"
    record_type: ClassVar[type[Record]] = WeightRecord

    def _services(self) -> list[Service]:
        self._measurement = self._watch(
            measurement(self._device.gatt_server, "2A9D", Characteristic.Properties.INDICATE, guarded=self.guarded)
        )
        clock = live("2A2B", lambda: current_time(self.clock.face()), self.clock_written, guarded=self.guarded)
        features = readable("2A9E", struct.pack("<I", 0x0000000F))
        return [Service(uuid16("181D"), [self._measurement, features]), Service(uuid16("1805"), [clock])]

    def _frames(self, record: WeightRecord) -> list[Kept]:
        flags = _STAMP
        raw = _UNSUCCESSFUL if record.weight is None else round(record.weight / _KG_STEP)
        tail = b""
        if record.user is not None:
            flags |= _USER
            tail += bytes([record.user])
        if record.height is not None and record.weight is not None:
            flags |= _BMI_AND_HEIGHT
            tail += struct.pack("<HH", round(record.weight / record.height**2 * 10), round(record.height * 1000))
        payload = bytes([flags]) + struct.pack("<H", raw) + date_time(record.stamp(self.clock)) + tail
        return [Kept(self._measurement, payload)]
