"""What the technician sees of each home: its gateway's last word, batteries, clocks, lost bonds and silent meters."""

from datetime import datetime, timedelta
from random import Random
from typing import Final

from hearthline_gateway.meter_models import model
from hearthline_protocol.messages import GatewayStatus, MeterStatus, OutboxStatus
from hearthline_simulator.ward.meters import HomeMeter, meters_of
from hearthline_simulator.ward.profiles import Profile, Trouble
from hearthline_simulator.ward.readings import CLOCK_OFF_BY, Sent
from hearthline_simulator.ward.rhythm import OFFLINE_NOW

VERSION: Final = "0.1.0"
_LOW_BATTERY: Final = 9
_SAID_LATELY_S: Final = (5, 280)
_BOND_LOST: Final = (
    "The cuff no longer knows this gateway. Ask the home to hold the cuff's Bluetooth button until it says that it is "
    "pairing; the gateway pairs by itself."
)
_CUFF_SILENT: Final = (
    "The cuff has not been heard for almost two days: not used, out of reach, or battery. Ask the home to measure once "
    "beside the gateway."
)


def last_contact(profile: Profile, now: datetime) -> datetime:
    """When the gateway was last heard."""
    if profile.trouble is Trouble.OFFLINE:
        return now - OFFLINE_NOW
    return now - timedelta(seconds=Random(profile.home).uniform(*_SAID_LATELY_S))


def gateway_status(profile: Profile, history: list[Sent], now: datetime) -> GatewayStatus:
    """The status as this home's gateway last sent it; where the home has no internet, as the broker's last will left
    it."""
    gone = profile.trouble is Trouble.OFFLINE
    received = [one.arrived for one in history]
    return GatewayStatus(
        state="offline" if gone else "online",
        sent_time=None if gone else last_contact(profile, now),
        version=VERSION,
        started_time=now - timedelta(days=Random(profile.gateway).randrange(9, 80), hours=3),
        clock_synchronised=True,
        adapter="powered",
        outbox=OutboxStatus(pending=0, rejected=0, last_receipt=max(received, default=None)),
        meters=tuple(_meter_status(profile, home_meter, history) for home_meter in meters_of(profile)),
    )


def _meter_status(profile: Profile, home_meter: HomeMeter, history: list[Sent]) -> MeterStatus:
    heard = [one.reading.received_time for one in history if one.reading.sensor == home_meter.address]
    draw = Random(home_meter.address)
    battery, offset = draw.randrange(35, 96), round(draw.gauss(0, 3), 1)
    cuff = home_meter.meter.device == "cuff"
    problem = None
    paired: bool | None = True if model(home_meter.meter.model).pair else None
    if cuff and profile.trouble is Trouble.LOW_BATTERY:
        battery = _LOW_BATTERY
    elif cuff and profile.trouble is Trouble.CLOCK_OFF:
        offset = CLOCK_OFF_BY.total_seconds()
    elif cuff and profile.trouble is Trouble.BOND_LOST:
        problem, paired = _BOND_LOST, False
    elif cuff and profile.trouble is Trouble.CUFF_SILENT:
        problem = _CUFF_SILENT
    return MeterStatus(
        address=home_meter.address,
        model=home_meter.meter.model,
        paired=paired,
        last_heard=max(heard, default=None),
        last_reading=max(heard, default=None),
        battery_percent=battery,
        clock_offset_s=offset,
        signal_dbm=draw.randrange(-78, -48),
        problem=problem,
    )
