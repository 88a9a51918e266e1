"""Blood pressure cuff, service 0x1810: bonded, with stored readings and a clock of its own.

It wants an encrypted link for its measurements and for Date Time 0x2A08, replays what it has stored by indication as
soon as somebody subscribes, drops each record after its confirmation and hangs up.
"""

import struct
from typing import ClassVar

from bumble.gatt import Characteristic, Service

from hearthline_simulator.meters.gatt_table import live, measurement, readable, uuid16
from hearthline_simulator.meters.meter import Kept, Meter, Record
from hearthline_simulator.meters.numbers import sfloat
from hearthline_simulator.meters.wall_clock import date_time

_STAMP, _PULSE, _USER, _STATUS = 0x02, 0x04, 0x08, 0x10


class PressureRecord(Record):
    """One measurement in mmHg and beats a minute; NaN is a failed one. ``status`` is the Measurement Status field:
    bit 0 body movement, bit 1 cuff too loose, bit 2 irregular pulse."""

    systolic: float
    diastolic: float
    mean: float | None = None
    pulse: float | None = None
    user: int | None = None
    status: int = 0


class BloodPressureCuff(Meter[PressureRecord]):
    """A cuff of the kind that sends everything it has and hangs up."""

    profile = "blood_pressure"
    service = "1810"
    record_type: ClassVar[type[Record]] = PressureRecord
    guarded = True
    hang_up_after_s = 0.3

    def _services(self) -> list[Service]:
        self._measurement = self._watch(
            measurement(self._device.gatt_server, "2A35", Characteristic.Properties.INDICATE, guarded=self.guarded)
        )
        clock = live("2A08", lambda: date_time(self.clock.face()), self.clock_written, guarded=self.guarded)
        return [Service(uuid16("1810"), [self._measurement, readable("2A49", struct.pack("<H", 0x0007)), clock])]

    def _frames(self, record: PressureRecord) -> list[Kept]:
        mean = record.mean if record.mean is not None else round((record.systolic + 2 * record.diastolic) / 3)
        flags = _STAMP | _STATUS
        tail = b""
        if record.pulse is not None:
            flags |= _PULSE
            tail += sfloat(record.pulse)
        if record.user is not None:
            flags |= _USER
            tail += bytes([record.user])
        head = bytes([flags]) + sfloat(record.systolic) + sfloat(record.diastolic) + sfloat(mean)
        payload = head + date_time(record.stamp(self.clock)) + tail + struct.pack("<H", record.status)
        return [Kept(self._measurement, payload)]
