"""Health thermometer, service 0x1809: one indication for each temperature, its clock in Date Time 0x2A08 beside it."""

from typing import ClassVar, Literal

from bumble.gatt import Characteristic, Service

from hearthline_simulator.meters.gatt_table import live, measurement, readable, uuid16
from hearthline_simulator.meters.meter import Kept, Meter, Record
from hearthline_simulator.meters.numbers import float32
from hearthline_simulator.meters.wall_clock import date_time

_FAHRENHEIT, _STAMP, _TYPE = 0x01, 0x02, 0x04
_BODY = 0x02


class TemperatureRecord(Record):
    """One temperature, in °C or °F, printed with ``decimals`` decimal places."""

    temperature: float
    unit: Literal["Cel", "[degF]"] = "Cel"
    decimals: int = 1


class Thermometer(Meter[TemperatureRecord]):
    """A body thermometer."""

    profile = "thermometer"
    service = "1809"
    record_type: ClassVar[type[Record]] = TemperatureRecord

    def _services(self) -> list[Service]:
        self._measurement = self._watch(
            measurement(self._device.gatt_server, "2A1C", Characteristic.Properties.INDICATE, guarded=self.guarded)
        )
        clock = live("2A08", lambda: date_time(self.clock.face()), self.clock_written, guarded=self.guarded)
        return [Service(uuid16("1809"), [self._measurement, readable("2A1D", bytes([_BODY])), clock])]

    def _frames(self, record: TemperatureRecord) -> list[Kept]:
        flags = _STAMP | _TYPE | (_FAHRENHEIT if record.unit == "[degF]" else 0)
        payload = (
            bytes([flags])
            + float32(record.temperature, record.decimals)
            + date_time(record.stamp(self.clock))
            + bytes([_BODY])
        )
        return [Kept(self._measurement, payload)]
