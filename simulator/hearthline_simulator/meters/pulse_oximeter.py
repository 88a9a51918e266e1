"""Pulse oximeter, service 0x1822: spot-check by indication, continuous by notification."""

import struct
from typing import ClassVar

from bumble.gatt import Characteristic, Service
from pydantic import BaseModel, ConfigDict

from hearthline_simulator.meters.gatt_table import measurement, readable, uuid16
from hearthline_simulator.meters.meter import Kept, Meter, Record
from hearthline_simulator.meters.numbers import sfloat
from hearthline_simulator.meters.wall_clock import date_time

_SPOT_STAMP, _SPOT_CLOCK_NOT_SET = 0x01, 0x10


class OximeterSample(BaseModel):
    """One second of a stream: percent and beats a minute; NaN while the finger is out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spo2: float
    pulse: float


class OximeterRecord(Record):
    """One spot-check (``spo2`` in percent, ``pulse`` a minute), a ``continuous`` stream of samples ``period_s`` apart,
    or both: whichever is subscribed first is sent first."""

    spo2: float | None = None
    pulse: float | None = None
    continuous: tuple[OximeterSample, ...] = ()
    period_s: float = 1.0


class PulseOximeter(Meter[OximeterRecord]):
    """A fingertip oximeter."""

    profile = "pulse_oximeter"
    service = "1822"
    record_type: ClassVar[type[Record]] = OximeterRecord

    def _services(self) -> list[Service]:
        server = self._device.gatt_server
        self._spot = self._watch(measurement(server, "2A5E", Characteristic.Properties.INDICATE, guarded=self.guarded))
        self._continuous = self._watch(
            measurement(server, "2A5F", Characteristic.Properties.NOTIFY, guarded=self.guarded)
        )
        features = readable("2A60", struct.pack("<H", 0x0004))
        return [Service(uuid16("1822"), [self._spot, self._continuous, features])]

    def _frames(self, record: OximeterRecord) -> list[Kept]:
        frames = [
            Kept(
                self._continuous,
                b"\x00" + sfloat(sample.spo2) + sfloat(sample.pulse),
                indicated=False,
                delay_s=record.period_s,
            )
            for sample in record.continuous
        ]
        if record.spo2 is not None:
            pulse = record.pulse if record.pulse is not None else float("nan")
            flags = _SPOT_STAMP | (_SPOT_CLOCK_NOT_SET if self.clock.lost else 0)
            stamp = date_time(record.stamp(self.clock))
            frames.append(Kept(self._spot, bytes([flags]) + sfloat(record.spo2) + sfloat(pulse) + stamp))
        return frames
