"""What the doctor says: the road's order, the verdict, the meters, the radio, the ages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hearthline_gateway.ages import ago
from hearthline_gateway.ble.inspection import BluetoothUnseenError, SeenAdapter, SeenBluetooth
from hearthline_gateway.control.messages import ProofStep
from hearthline_gateway.doctor import bluetooth_hop, meters_hop, store_hop
from hearthline_gateway.doctor.finding import Diagnosis, Finding, State, cause_and_step
from hearthline_protocol.messages import MeterStatus, OutboxStatus

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
WELL = SeenBluetooth((SeenAdapter("hci0", True),), (5, 82), {})


def test_the_verdict_names_the_first_hop_of_the_road_and_the_others() -> None:
    diagnosis = Diagnosis.of(
        [
            Finding("store", "receipts", State.BROKEN, "nothing came."),
            Finding("broker", "TCP", State.BROKEN, "nothing listens.", "Start it."),
            Finding("meters", "list", State.SOON, "none"),
        ]
    )
    assert diagnosis.broken == ("broker", "store")
    assert diagnosis.verdict() == "Broken at broker: nothing listens. Next: Start it. Broken as well: store."
    assert [line.split()[0] for line in diagnosis.lines()] == ["SOON", "BROKEN", "→", "BROKEN"]
    assert diagnosis.as_data()["broken"] == "broker"
    assert [hop["state"] for hop in diagnosis.as_data()["hops"]][:2] == ["soon", "unknown"]


def test_well() -> None:
    assert Diagnosis.of([Finding("meters", "x", State.OK, "fine")]).verdict() == "Every hop is well."


def test_a_problem_falls_into_cause_and_step() -> None:
    assert cause_and_step("the broker at a:1 is gone: start it") == ("the broker at a:1 is gone.", "Start it.")
    assert cause_and_step("powered off") == ("powered off.", None)


def _radio(seen: SeenBluetooth | BluetoothUnseenError, *wanted: str, **blocks: str) -> dict[str, State]:
    return {found.check: found.state for found in bluetooth_hop.bluetooth(seen, None, wanted, blocks)}


@pytest.mark.parametrize(
    ("version", "state"),
    [((5, 54), State.BROKEN), ((5, 55), State.SOON), ((5, 66), State.OK), ((6, 0), State.OK), (None, State.OK)],
)
def test_the_version_of_bluez(version: tuple[int, int] | None, state: State) -> None:
    assert _radio(SeenBluetooth(WELL.adapters, version, {}))["BlueZ"] is state


def test_the_radio() -> None:
    assert set(_radio(WELL).values()) == {State.OK}
    assert _radio(WELL, "hci1")["adapter"] in (State.BROKEN, State.OK)
    findings = list(bluetooth_hop.bluetooth(WELL, None, ("hci1",), {}))
    assert any("hci1" in found.words and found.state is State.BROKEN for found in findings)
    assert _radio(SeenBluetooth((), None, {}))["adapter"] is State.BROKEN
    assert _radio(SeenBluetooth((SeenAdapter("hci0", False),), None, {}))["adapter"] is State.BROKEN
    assert _radio(SeenBluetooth(WELL.adapters, None, {}, "no agent: be root"))["agent"] is State.BROKEN
    assert _radio(WELL, hci0="hard")["blocked"] is State.BROKEN
    assert _radio(BluetoothUnseenError("bluetoothd does not run: start it")) == {"bluetoothd": State.BROKEN}


def test_rfkill_speaks_of_bluetooth_only(tmp_path: Path) -> None:
    for number, (kind, soft, hard) in enumerate([("wlan", "1", "0"), ("bluetooth", "0", "1"), ("bluetooth", "0", "0")]):
        entry = tmp_path / f"rfkill{number}"
        entry.mkdir()
        for name, text in {"type": kind, "name": f"hci{number}", "soft": soft, "hard": hard}.items():
            (entry / name).write_text(text + "\n")
    assert bluetooth_hop.blocked(tmp_path) == {"hci1": "hard"}
    assert bluetooth_hop.blocked(tmp_path / "absent") == {}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"paired": True, "last_heard": NOW}, State.OK),
        ({"paired": None, "last_heard": NOW}, State.OK),
        ({"paired": False}, State.SOON),
        ({"paired": False, "last_heard": NOW}, State.BROKEN),
        ({"paired": True, "last_heard": NOW, "battery_percent": 9}, State.SOON),
        ({"paired": True, "last_heard": NOW, "problem": "It forgot us. Pair it again."}, State.BROKEN),
    ],
)
def test_a_meter(fields: dict[str, Any], state: State) -> None:
    meter = MeterStatus(address="A4:C1:38:00:00:01", model="generic-blood-pressure", **fields)
    assert [found.state for found in meters_hop.as_the_gateway_says([meter], NOW, radio_works=True)] == [state]
    assert [found.state for found in meters_hop.as_the_gateway_says([meter], NOW, radio_works=False)] == [State.UNKNOWN]


@pytest.mark.parametrize(
    ("pending", "oldest", "receipt", "state"),
    [
        (0, None, None, State.OK),
        (1, 30, None, State.OK),
        (1, 61, None, State.BROKEN),
        (9, 3600, 5, State.OK),
        (9, 3600, 61, State.BROKEN),
    ],
)
def test_receipts(pending: int, oldest: int | None, receipt: int | None, state: State) -> None:
    status = OutboxStatus(
        pending=pending,
        rejected=0,
        oldest_pending=None if oldest is None else NOW - timedelta(seconds=oldest),
        last_receipt=None if receipt is None else NOW - timedelta(seconds=receipt),
    )
    assert store_hop.receipts(status, None, NOW).state is state


def test_a_marked_reading_that_is_kept_aside_reached_the_store() -> None:
    held = ProofStep(hop="store", passed=False, words="The backend keeps it aside (unknown_sensor): enrol.", seconds=1)
    assert store_hop.proved(held).state is State.SOON


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (12, "12 s"),
        (480, "8 min"),
        (30660, "8 h 31 min"),
        (90_000, "25 h"),
        (180_000, "2 d 2 h"),
        (1_700_000, "19 d"),
    ],
)
def test_ages(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == f"{words} ago"
    assert ago(None, NOW) == "never"
