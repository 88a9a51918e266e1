"""What a stale bond looks like, what merely looks like one, and when it may be renewed."""

from dataclasses import replace

import pytest
from bleak.exc import BleakDBusError, BleakGATTProtocolError

from hearthline_gateway.ble.agent import PairingAgent
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.ble.meter_state import MeterState
from hearthline_gateway.ble.stale_bond import BondMender, Staleness, pairs_unattended, staleness
from hearthline_gateway.meter_models import MeterModel
from tests.fixtures.ble_home import CUFF, THERMOMETER
from tests.fixtures.meter_displays import Person

FAILED = "org.bluez.Error.Failed"
ADDRESS = "F0:F1:00:00:18:10"
DIGITS = replace(CUFF, digits="shown")


@pytest.mark.parametrize(
    ("error", "sign"),
    [
        (BleakDBusError(FAILED, ["br-connection-canceled"]), Staleness.LIKELY),
        (BleakDBusError(FAILED, ["le-connection-key-missing"]), Staleness.CERTAIN),
        (BleakDBusError(FAILED, ["br-connection-key-missing"]), Staleness.CERTAIN),
        (BleakDBusError("org.bluez.Error.AuthenticationFailed", ["Authentication Failed"]), Staleness.CERTAIN),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"]), Staleness.CERTAIN),
        (BleakGATTProtocolError(0x05), Staleness.CERTAIN),
        (BleakGATTProtocolError(0x0F), Staleness.CERTAIN),
        (BleakGATTProtocolError(0xFE), Staleness.NO),
        (BleakDBusError(FAILED, ["le-connection-abort-by-local"]), Staleness.NO),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["Write not permitted"]), Staleness.NO),
        (TimeoutError(), Staleness.NO),
    ],
)
def test_what_an_error_tells_of_the_bond(error: BaseException, sign: Staleness) -> None:
    assert staleness(error, paired=True) is sign
    assert staleness(error, paired=False) is Staleness.NO, "without a bond there is none to be stale"


def state(model: MeterModel = CUFF) -> MeterState:
    return MeterState(ConfiguredMeter(ADDRESS, model), paired=True, bonds={"hci0"})


def test_the_ambiguous_sign_has_to_come_twice() -> None:
    mender, meter = BondMender(allowed=True), state()
    assert "once more" in (mender.reason_against(meter, Staleness.LIKELY, 0) or "")
    assert mender.reason_against(meter, Staleness.LIKELY, 1) is None
    meter.succeeded(2)
    assert mender.reason_against(meter, Staleness.LIKELY, 3) is not None, "a good connection in between clears it"
    assert mender.reason_against(state(), Staleness.CERTAIN, 0) is None


def test_once_an_hour_at_most() -> None:
    mender, meter = BondMender(allowed=True), state()
    mender.mended(meter, "hci0", 100)
    assert (meter.paired, meter.bonds) == (False, set())
    assert "within the last hour" in (mender.reason_against(meter, Staleness.CERTAIN, 3600) or "")
    assert mender.reason_against(meter, Staleness.CERTAIN, 3701) is None


def test_only_where_it_is_allowed_and_needs_nobody() -> None:
    assert "mend_bonds" in (BondMender(allowed=False).reason_against(state(), Staleness.CERTAIN, 0) or "")
    assert "digits" in (BondMender(allowed=True).reason_against(state(DIGITS), Staleness.CERTAIN, 0) or "")
    assert pairs_unattended(replace(DIGITS, mend_bond=True))
    assert not pairs_unattended(THERMOMETER)
    assert not BondMender(allowed=False).may_pair_anew(CUFF)


async def test_the_agent_lets_a_person_answer_only_for_the_meter_being_paired() -> None:
    agent, person = PairingAgent({}), Person(digits=42)
    ours, stranger = (f"/org/bluez/hci0/dev_{a.replace(':', '_')}" for a in (ADDRESS, "F0:F1:00:00:66:66"))
    assert agent.capability == "NoInputNoOutput"
    with agent.talking(ADDRESS, person) as talk:
        assert agent.capability == "KeyboardDisplay"
        agent.admit(ours)
        with pytest.raises(Exception, match="not among the meters"):
            agent.admit(stranger)
    assert not talk.answered
    with pytest.raises(Exception, match="not among the meters"):
        agent.admit(ours)
    assert agent.capability == "NoInputNoOutput"
    agent.list_meters({ADDRESS: 123456})
    assert agent.capability == "KeyboardOnly"
