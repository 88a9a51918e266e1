"""Xiaomi scales: what their advertisements say, and that one weighing is one reading however often it is repeated."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthline_gateway.advertised.xiaomi_scale import SERVICES, XiaomiWeighing, finding_of
from hearthline_gateway.ble.advertised_scale import AdvertisedScale
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.decode import decode_line
from hearthline_gateway.frame import Frame
from hearthline_gateway.gatt.errors import TruncatedError, UnknownCharacteristicError
from hearthline_gateway.normalize import normalize
from hearthline_protocol.readings import Quality, TimeQuality
from tests.fixtures.ble_meters import XIAOMI

NOW = datetime(2026, 11, 22, 6, 4, 0, tzinfo=UTC)
MADRID = ZoneInfo("Europe/Madrid")
FIRST, SECOND = "0000181d-0000-1000-8000-00805f9b34fb", "0000181b-0000-1000-8000-00805f9b34fb"
STAMP = "ea070b16070400"


def weighing(service: str, payload: str) -> XiaomiWeighing:
    return XiaomiWeighing.decode(service, bytes.fromhex(payload))


@pytest.mark.parametrize(
    ("service", "payload", "value", "unit", "quality"),
    [
        ("181D", f"22703f{STAMP}", 81.2, "kg", Quality.VALID),
        ("181D", f"23ec45{STAMP}", 81.193, "[lb_av]", Quality.VALID),
        ("181D", f"32703f{STAMP}", 81.2, "kg", Quality.VALID),
        ("181D", f"a2703f{STAMP}", None, None, Quality.FAILED),
        ("181D", f"02703f{STAMP}", None, None, Quality.FAILED),
        ("181D", f"220000{STAMP}", None, None, Quality.FAILED),
        ("181B", f"0022{STAMP}f401703f", 81.2, "kg", Quality.VALID),
        ("181B", f"0120{STAMP}0000ec45", 81.193, "[lb_av]", Quality.VALID),
        ("181B", f"00a2{STAMP}f401703f", None, None, Quality.FAILED),
    ],
)
def test_what_an_advertisement_is_worth(
    service: str, payload: str, value: float | None, unit: str | None, quality: Quality
) -> None:
    finding = finding_of(weighing(service, payload))
    assert finding.kind == "body_weight"
    assert finding.quality is quality
    if value is None:
        assert finding.values == {}
    else:
        measured = finding.values["weight"]
        assert measured.value == pytest.approx(value, abs=0.0005)
        assert (measured.unit, measured.measured_unit) == ("kg", unit)


def test_impedance_is_only_said_where_it_was_measured() -> None:
    assert weighing("181B", f"0022{STAMP}f401703f").impedance_stable
    assert not weighing("181B", f"0020{STAMP}0000703f").impedance_stable
    assert not weighing("181D", f"22703f{STAMP}").impedance_stable


@given(st.sampled_from(SERVICES), st.binary(max_size=20))
def test_any_bytes_decode_or_say_what_is_missing(service: str, payload: bytes) -> None:
    try:
        found = XiaomiWeighing.decode(service, payload)
    except TruncatedError:
        return
    assert found.encode() == payload
    finding_of(found)


def test_other_services_are_refused_by_name() -> None:
    with pytest.raises(UnknownCharacteristicError, match="181D, 181B"):
        weighing("FE95", "00")
    with pytest.raises(TruncatedError):
        weighing("181D", "2270")


def test_the_decode_command_knows_them() -> None:
    answer = decode_line("181B", f"0022{STAMP}f401703f")
    assert answer["measurement"] == {
        "weight": 81.2,
        "weight_unit": "kg",
        "time_stamp": "2026-11-22T07:04:00",
        "stable": True,
        "removed": False,
        "impedance": 500,
    }
    assert [(reading["kind"], reading["quality"]) for reading in answer["readings"]] == [("body_weight", "valid")]
    assert decode_line("181D", "22")["error"]["type"] == "TruncatedError"


class Scale:
    """A scale, and a clock that is put forward by hand."""

    def __init__(self) -> None:
        self.at = NOW
        self._scale = AdvertisedScale(ConfiguredMeter("F0:F1:00:00:18:5D", XIAOMI), self.now)

    def now(self) -> datetime:
        return self.at

    def says(self, payload: str, *, after_s: float = 1.0, uuid: str = FIRST) -> Frame | None:
        self.at += timedelta(seconds=after_s)
        return self._scale.heard({uuid: bytes.fromhex(payload)})


def test_only_a_weight_at_rest_with_somebody_on_it_counts() -> None:
    scale = Scale()
    assert scale.says(f"02483f{STAMP}") is None
    frame = scale.says(f"22703f{STAMP}")
    assert frame is not None
    assert scale.says(f"a2703f{STAMP}") is None
    assert (frame.characteristic, frame.first, frame.alone, frame.model) == ("181D", True, True, XIAOMI.name)
    assert scale._scale.heard({}) is None


def test_a_weighing_repeated_for_minutes_is_one() -> None:
    scale = Scale()
    assert scale.says(f"22703f{STAMP}") is not None
    assert [scale.says(f"22703f{STAMP}", after_s=20) for _ in range(30)] == [None] * 30
    ticking = [f"22703fea070b1607{minute:02x}00" for minute in range(5, 15)]
    assert [scale.says(payload, after_s=55) for payload in ticking] == [None] * 10
    assert scale.says(f"a2703f{STAMP}") is None
    assert scale.says(ticking[-1]) is None, "the stamp of a weighing told already"


def test_the_impedance_that_follows_is_the_same_weighing() -> None:
    scale = Scale()
    assert scale.says(f"0020{STAMP}0000703f", uuid=SECOND) is not None
    assert scale.says(f"0022{STAMP}f401703f", uuid=SECOND) is None


@pytest.mark.parametrize(
    "then",
    [
        lambda scale: scale.says(f"22383f{STAMP}"),
        lambda scale: scale.says("02483fea070b16070500") or scale.says("22703fea070b16070508"),
        lambda scale: scale.says("22703fea070b17070400", after_s=86_400),
    ],
    ids=["another weight", "stepped off and on again", "the same weight next morning"],
)
def test_another_weighing_is_another(then: Callable[[Scale], Frame | None]) -> None:
    scale = Scale()
    assert scale.says(f"22703f{STAMP}") is not None
    assert then(scale) is not None


def test_an_advertisement_of_another_kind_is_left_alone() -> None:
    scale = Scale()
    assert scale.says("2270") is None
    assert scale.says(f"22703f{STAMP}00") is None, "xiaomi-ble knows 10 bytes only"


def test_a_weighing_becomes_one_reading_with_the_scales_own_stamp_in_its_id() -> None:
    scale = Scale()
    frame = scale.says(f"0020{STAMP}0000703f", uuid=SECOND)
    assert frame is not None
    (reading,) = normalize(frame, zone=MADRID)
    assert (reading.kind, reading.values["weight"].value, reading.live) == ("body_weight", 81.2, True)
    assert str(reading.device_time) == "2026-11-22T07:04:00"
    assert reading.time_quality is TimeQuality.ASSUMED
    again = replace(frame, payload=bytes.fromhex(f"0022{STAMP}f401703f"), received_time=NOW + timedelta(minutes=3))
    assert normalize(again, zone=MADRID)[0].id == reading.id
    (late,) = normalize(replace(frame, payload=bytes.fromhex(f"0020{'e7070b16070400'}0000703f")), zone=MADRID)
    assert late.live, "a weighing never seen before is of now, whatever the scale's clock says"
    assert late.effective_time == frame.received_time
