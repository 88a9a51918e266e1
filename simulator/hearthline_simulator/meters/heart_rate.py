"""Heart rate strap, service 0x180D: a stream of notifications for as long as it is worn."""

import struct
from typing import ClassVar, Final

from bumble.gatt import Characteristic, Service
from pydantic import BaseModel, ConfigDict

from hearthline_simulator.meters.gatt_table import measurement, readable, uuid16
from hearthline_simulator.meters.meter import Kept, Meter, Record

_WIDE, _CONTACT, _CONTACT_SUPPORTED, _ENERGY, _INTERVALS = 0x01, 0x02, 0x04, 0x08, 0x10
_CHEST: Final = 0x01
_NARROW_LIMIT: Final = 0xFF


class HeartRateSample(BaseModel):
    """One second of a stream: beats a minute, the seconds between beats, ``energy`` in kJ since the start, and whether
    the strap touches skin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: int
    intervals: tuple[float, ...] = ()
    energy: int | None = None
    contact: bool = True


class HeartRateRecord(Record):
    """A stream of samples ``period_s`` apart."""

    samples: tuple[HeartRateSample, ...]
    period_s: float = 1.0


class HeartRateStrap(Meter[HeartRateRecord]):
    """A chest strap."""

    profile = "heart_rate"
    service = "180D"
    record_type: ClassVar[type[Record]] = HeartRateRecord

    def _services(self) -> list[Service]:
        self._measurement = self._watch(
            measurement(self._device.gatt_server, "2A37", Characteristic.Properties.NOTIFY, guarded=self.guarded)
        )
        return [Service(uuid16("180D"), [self._measurement, readable("2A38", bytes([_CHEST]))])]

    def _frames(self, record: HeartRateRecord) -> list[Kept]:
        return [
            Kept(self._measurement, _payload(sample), indicated=False, delay_s=record.period_s)
            for sample in record.samples
        ]


def _payload(sample: HeartRateSample) -> bytes:
    flags = _CONTACT_SUPPORTED | (_CONTACT if sample.contact else 0)
    wide = sample.rate > _NARROW_LIMIT
    body = struct.pack("<H" if wide else "<B", sample.rate)
    flags |= _WIDE if wide else 0
    if sample.energy is not None:
        flags |= _ENERGY
        body += struct.pack("<H", sample.energy)
    if sample.intervals:
        flags |= _INTERVALS
        body += b"".join(struct.pack("<H", round(seconds * 1024)) for seconds in sample.intervals)
    return bytes([flags]) + body
