"""The meters: bond, last sign of life, last trouble."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from hearthline_gateway.ages import ago
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.doctor.finding import Finding, State
from hearthline_gateway.meter_models import models
from hearthline_protocol.messages import MeterStatus

_BATTERY_LOW: Final = 15


def none_listed() -> Finding:
    """A gateway that reads nothing."""
    return Finding(
        "meters", "list", State.SOON, "this gateway reads no meter yet", "hearthline-gateway scan, then pair ADDRESS"
    )


def as_the_gateway_says(meters: Iterable[MeterStatus], now: datetime, *, radio_works: bool) -> Iterator[Finding]:
    """Every meter of a running gateway. Without a working radio nothing can be said of them."""
    for meter in meters:
        check = f"{meter.address} {meter.model}"
        heard = "not heard yet" if meter.last_heard is None else f"heard {ago(meter.last_heard, now)}"
        if not radio_works:
            yield Finding("meters", check, State.UNKNOWN, f"{heard}; Bluetooth has to work first")
        elif meter.problem is not None:
            yield Finding("meters", check, State.BROKEN, meter.problem, _trouble(meter, now))
        elif meter.last_heard is None:
            yield Finding("meters", check, State.SOON, "not heard yet", _first_step(meter.model))
        elif meter.paired is False:
            yield Finding("meters", check, State.BROKEN, f"{heard}, and not paired.", _first_step(meter.model))
        elif meter.battery_percent is not None and meter.battery_percent <= _BATTERY_LOW:
            words = f"{heard}, battery {meter.battery_percent} %"
            yield Finding("meters", check, State.SOON, words, "Change its batteries.")
        else:
            battery = "" if meter.battery_percent is None else f", battery {meter.battery_percent} %"
            yield Finding("meters", check, State.OK, f"{heard}, last reading {ago(meter.last_reading, now)}{battery}")


def as_bluetooth_says(meters: Iterable[ConfiguredMeter], bonds: Mapping[str, bool] | None) -> Iterator[Finding]:
    """Every listed meter while no gateway runs; ``bonds`` is None where bluetoothd cannot be asked."""
    for meter in meters:
        check = f"{meter.address} {meter.model.name}"
        if not meter.model.pair:
            yield Finding("meters", check, State.OK, "works without pairing")
        elif bonds is None:
            yield Finding("meters", check, State.UNKNOWN, "Bluetooth has to work first")
        elif bonds.get(meter.address):
            yield Finding("meters", check, State.OK, "paired")
        else:
            yield Finding("meters", check, State.SOON, "not paired yet", _first_step(meter.model.name))


def _trouble(meter: MeterStatus, now: datetime) -> str | None:
    if meter.last_error is None or meter.last_error == meter.problem:
        return None
    return f"Last error {ago(meter.last_error_time, now)}: {meter.last_error}"


def _first_step(model: str) -> str | None:
    known = models().get(model)
    return known.steps[0] if known is not None and known.steps else None
