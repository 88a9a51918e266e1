"""The pure parts of hop 1: each value once, in order, with the clock it was measured by; clocks read and written."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from bleak.exc import BleakDBusError, BleakDeviceNotFoundError
from dbus_fast import DBusError
from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.ble.agent import PairingAgent, address_of
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.hearing import Hearing
from hearthline_gateway.ble.meter_clock import (
    decode_clock,
    encode_clock,
    needs_setting,
    read_clock,
    set_clock,
    wrong_by,
)
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.problems import adapter_problem, meter_problem
from hearthline_gateway.frame import Frame, MeterClock
from tests.fixtures.ble_home import CUFF

DATE_TIME, CURRENT_TIME = "2A08", "2A2B"
NOW = datetime(2026, 11, 22, 6, 4, 0, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")
METER = ConfiguredMeter("F0:F1:00:00:18:10", CUFF)
CLOCK = MeterClock(timedelta(hours=1), NOW)


def hearing(into: list[Frame]) -> Hearing:
    return Hearing(METER, into.append, lambda: NOW)


def test_frames_wait_for_the_clock_and_then_carry_it() -> None:
    heard: list[Frame] = []
    told = hearing(heard)
    told.hear("2A35", b"a")
    assert heard == []
    told.clock_read(CLOCK)
    told.hear("2A35", b"b")
    told.clock_read(None)
    assert [(frame.payload, frame.clock, frame.first) for frame in heard] == [(b"a", CLOCK, True), (b"b", CLOCK, False)]


@pytest.mark.parametrize(("characteristic", "length"), [(DATE_TIME, 7), (CURRENT_TIME, 10)])
def test_a_clock_is_written_in_the_homes_time(characteristic: str, length: int) -> None:
    payload = encode_clock(characteristic, NOW.astimezone(MADRID))
    assert len(payload) == length
    assert payload[:7].hex() == "ea070b16070400"
    assert str(decode_clock(payload)) == "2026-11-22T07:04:00"


@given(st.binary(max_size=12))
def test_any_bytes_are_a_clock_or_none(payload: bytes) -> None:
    face = decode_clock(payload)
    assert face is None or face.known


class Meter:
    """A meter with one clock characteristic; ``takes`` says whether it keeps what is written."""

    def __init__(self, value: bytes, *, takes: bool = True) -> None:
        self.value, self._takes = value, takes

    async def read(self, characteristic: str) -> bytes:
        return self.value

    async def write(self, characteristic: str, value: bytes) -> None:
        if self._takes:
            self.value = value


async def test_reading_setting_and_looking_again() -> None:
    meter = Meter(bytes.fromhex("ea070b16080500"))
    clock = await read_clock(meter, DATE_TIME, lambda: NOW)
    assert clock == MeterClock(timedelta(hours=2, minutes=1), NOW)
    assert wrong_by(clock, MADRID) == timedelta(minutes=61)
    assert needs_setting(clock, MADRID)
    assert await set_clock(meter, DATE_TIME, MADRID, lambda: NOW) == MeterClock(timedelta(hours=1), NOW)
    assert meter.value.hex() == "ea070b16070400"


async def test_a_meter_that_does_not_take_the_time_is_noticed() -> None:
    stubborn = Meter(bytes.fromhex("ea070b16080500"), takes=False)
    assert await set_clock(stubborn, DATE_TIME, MADRID, lambda: NOW) is None
    assert await read_clock(Meter(bytes(7)), DATE_TIME, lambda: NOW) is None
    assert needs_setting(None, MADRID)
    assert not needs_setting(MeterClock(timedelta(hours=1, seconds=29), NOW), MADRID)


def test_the_agent_answers_for_listed_meters_only() -> None:
    agent = PairingAgent({METER.address: 123456})
    ours, stranger = (f"/org/bluez/hci0/dev_{a.replace(':', '_')}" for a in (METER.address, "F0:F1:00:00:66:66"))
    assert address_of(f"{ours}/service0010/char0011") == METER.address
    assert agent.capability == "KeyboardOnly"
    assert PairingAgent({METER.address: None}).capability == "NoInputNoOutput"
    agent.admit(ours)
    with pytest.raises(DBusError, match="not among the meters"):
        agent.admit(stranger)


def test_failures_are_retried_later_and_later_and_success_respects_the_model() -> None:
    state = MeterState(METER)
    assert [state.failed(0, "it broke") for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert state.status().problem == "it broke"
    state.succeeded(100)
    assert state.not_before == 100 + CUFF.reconnect_after_s
    assert state.failed(0, "again") == 1


def test_problems_name_the_next_step() -> None:
    stale = BleakDBusError("org.bluez.Error.Failed", ["br-connection-canceled"])
    assert CUFF.steps[0] in meter_problem(stale, CUFF, paired=True)
    assert "Bring it closer" in meter_problem(BleakDeviceNotFoundError(METER.address), CUFF, paired=False)
    refused = BleakDBusError("org.bluez.Error.AuthenticationFailed", [])
    assert "refused to pair" in meter_problem(refused, CUFF, paired=False)
    gone = DBusError("org.freedesktop.DBus.Error.ServiceUnknown", "nobody")
    assert "systemctl start bluetooth" in adapter_problem(gone)
    not_started = DBusError("org.freedesktop.DBus.Error.Spawn.ChildExited", "Launch helper exited")
    assert "systemctl start bluetooth" in adapter_problem(not_started)
    assert "systemctl start dbus" in adapter_problem(FileNotFoundError(2, "no socket"))
