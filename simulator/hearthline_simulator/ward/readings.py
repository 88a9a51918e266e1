"""From what a meter would have shown to the reading that the gateway would have sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

from hearthline_protocol.device_time import DeviceTime
from hearthline_protocol.identity import reading_id
from hearthline_protocol.readings import AsMeasured, Quality, Reading, TimeQuality, Value
from hearthline_simulator.ward.body import Pressure
from hearthline_simulator.ward.meters import CUFF, OXIMETER, SCALE, THERMOMETER, HomeMeter, MeterKind, meters_of, sfloat
from hearthline_simulator.ward.profiles import Profile, Trouble
from hearthline_simulator.ward.rhythm import ZONE

CLOCK_OFF_BY: Final = timedelta(minutes=61)
"""How far the clock of the home with the wrong clock is ahead: nobody set it when summer time ended."""
_HEARD_AFTER_S: Final = (4, 25)


@dataclass(frozen=True, slots=True)
class Sent:
    """A reading and the moment it reached the backend, later than measured where the home had no internet."""

    reading: Reading
    arrived: datetime


class HomeMeters:
    """Makes readings as one home's meters and gateway would."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._meters = {home_meter.meter: home_meter for home_meter in meters_of(profile)}
        self._clock_error = CLOCK_OFF_BY if profile.trouble is Trouble.CLOCK_OFF else timedelta()

    def pressure(self, at: datetime, shown: Pressure, *, live: bool, flags: tuple[str, ...] = ()) -> Reading:
        """A cuff's reading."""
        raw = b"".join(map(sfloat, (shown.systolic, shown.diastolic, shown.mean, shown.pulse)))
        values = {
            "systolic": _value(shown.systolic, "mm[Hg]"),
            "diastolic": _value(shown.diastolic, "mm[Hg]"),
            "mean": _value(shown.mean, "mm[Hg]"),
            "pulse": _value(shown.pulse, "/min"),
        }
        return self._reading(CUFF, at, values, raw, live=live, flags=flags)

    def oxygen(self, at: datetime, spo2: int, pulse: int, *, live: bool) -> Reading:
        """An oximeter's reading."""
        values = {"spo2": _value(spo2, "%"), "pulse": _value(pulse, "/min")}
        return self._reading(OXIMETER, at, values, sfloat(spo2) + sfloat(pulse), live=live)

    def weight(self, at: datetime, kilograms: float, *, live: bool) -> Reading:
        """A scale's reading."""
        raw = round(kilograms / 0.005).to_bytes(2, "little")
        return self._reading(SCALE, at, {"weight": _value(kilograms, "kg", 2)}, raw, live=live)

    def temperature(self, at: datetime, celsius: float, *, live: bool) -> Reading:
        """A thermometer's reading."""
        raw = round(celsius * 10).to_bytes(3, "little") + b"\xff"
        return self._reading(THERMOMETER, at, {"temperature": _value(celsius, "Cel", 1)}, raw, live=live)

    def _reading(
        self,
        meter: MeterKind,
        at: datetime,
        values: dict[str, Value],
        raw: bytes,
        *,
        live: bool,
        flags: tuple[str, ...] = (),
    ) -> Reading:
        home_meter: HomeMeter = self._meters[meter]
        offset = (at.astimezone(ZONE).utcoffset() or timedelta()) + self._clock_error
        shown = DeviceTime.of(at + offset)
        heard = at + timedelta(seconds=Random(f"{home_meter.address}/{shown}").uniform(*_HEARD_AFTER_S))
        return Reading(
            id=reading_id(
                sensor=home_meter.address,
                characteristic=meter.characteristic,
                user_slot=None,
                device_time=shown,
                sequence=None,
                raw_values=raw,
                received_time=heard,
            ),
            kind=meter.kind,
            quality=Quality.VALID,
            values=values,
            flags=flags,
            device_time=shown,
            received_time=heard,
            effective_time=at,
            clock_offset_s=offset.total_seconds(),
            time_quality=TimeQuality.CORRECTED if self._clock_error else TimeQuality.SYNCED,
            live=live,
            sensor=home_meter.address,
            characteristic=meter.characteristic,
            model=meter.model,
        )


def _value(number: float, unit: str, precision: int = 0) -> Value:
    return Value(
        value=float(number), unit=unit, as_measured=AsMeasured(number=float(number), unit=unit, precision=precision)
    )
