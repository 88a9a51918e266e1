"""Which events become which sign, which light and sound are used, and what the backend's wish changes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway import living_room
from hearthline_gateway.indicator.engine import IndicatorEngine, IndicatorError
from hearthline_gateway.indicator.led import LedIndicator
from hearthline_gateway.indicator.patterns import PATTERNS, Pattern, Sign
from hearthline_gateway.indicator.quiet_hours import QuietHours
from hearthline_gateway.indicator.sound import SoundIndicator
from hearthline_gateway.living_room import LivingRoom, NoIndicatorError, engines_of
from hearthline_gateway.outbox.rows import Applied, Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.settings import IndicatorSection
from hearthline_protocol.configuration import IndicatorWanted
from hearthline_protocol.messages import AdapterStatus, GatewayStatus, MeterStatus

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADDRESS = "F0:F1:00:00:18:10"
WITHIN_S = 15.0
ADAPTER = AdapterStatus(name="hci0", state="powered")
GOOD = GatewayStatus(state="online", adapter="powered", adapters=(ADAPTER,))
LIVE = Pending(1, live=True)


class Lamp:
    """Notes each sign it is asked to show, repeats left out."""

    def __init__(self, *, broken: bool = False) -> None:
        self.shown: list[Sign] = []
        self.broken = broken
        self._more = asyncio.Event()

    async def open(self) -> None:
        if self.broken:
            raise IndicatorError("the lamp is broken: change it")

    async def play(self, pattern: Pattern) -> None:
        sign = next(sign for sign, known in PATTERNS.items() if known.light == pattern.light)
        if self.shown[-1:] != [sign]:
            self.shown.append(sign)
            self._more.set()
        await asyncio.sleep(0)

    async def close(self) -> None:
        return

    async def until(self, *signs: Sign) -> None:
        async with asyncio.timeout(WITHIN_S):
            while self.shown[: len(signs)] != list(signs):
                self._more.clear()
                await self._more.wait()


class Home:
    """A gateway as the living room sees it."""

    def __init__(self, *lamps: Lamp) -> None:
        self.status: GatewayStatus | OutboxError = GOOD
        self.waiting: Sequence[Pending] = ()
        self.lamps: Sequence[IndicatorEngine] = lamps
        self.room = LivingRoom(
            IndicatorSection(),
            ZoneInfo("UTC"),
            now=lambda: NOON,
            status=self._status,
            waiting=self._waiting,
            engines=lambda _, wanted: self.lamps if wanted is None or wanted.light else (),
        )

    async def _status(self) -> GatewayStatus:
        if isinstance(self.status, OutboxError):
            raise self.status
        return self.status

    async def _waiting(self) -> Sequence[Pending]:
        return self.waiting


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(0.001)


@asynccontextmanager
async def living(home: Home) -> AsyncIterator[LivingRoom]:
    running = asyncio.create_task(home.room.run())
    await until(lambda: not home.lamps or home.room._indicator is not None)
    try:
        yield home.room
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAITS_S", "TROUBLE_S", "_LOOK_AFTER_WAITING_S"):
        monkeypatch.setattr(living_room, name, 0.0)
    monkeypatch.setattr(living_room, "_LOOK_EVERY_S", 0.02)


async def test_measured_then_stored() -> None:
    lamp = Lamp()
    async with living(Home(lamp)) as room:
        room.added([LIVE])
        await lamp.until(Sign.MEASURED)
        room.answered(Applied(settled=(1,), stored=(1,)))
        await lamp.until(Sign.MEASURED, Sign.STORED)


async def test_a_meter_that_empties_its_memory_says_nothing() -> None:
    lamp = Lamp()
    async with living(Home(lamp)) as room:
        room.added([Pending(1, live=False)])
        room.answered(Applied(settled=(1,), stored=(1,)))
        room.added([Pending(2, live=True)])
        await lamp.until(Sign.MEASURED)


async def test_a_receipt_for_something_else_is_no_receipt_for_this() -> None:
    lamp = Lamp()
    async with living(Home(lamp)) as room:
        room.added([LIVE])
        await lamp.until(Sign.MEASURED)
        room.answered(Applied(settled=(7,), stored=(7,)))
        room.answered(Applied(settled=(1,), stored=(1,)))
        await lamp.until(Sign.MEASURED, Sign.STORED)


async def test_what_the_backend_holds_or_refuses_has_not_arrived_until_it_has() -> None:
    lamp = Lamp()
    async with living(Home(lamp)) as room:
        room.added([LIVE])
        room.answered(Applied(settled=(1,)))
        await lamp.until(Sign.MEASURED, Sign.NEEDS_HELP)
        room.answered(Applied(stored=(1,)))  # the technician has enrolled the meter
        await lamp.until(Sign.MEASURED, Sign.NEEDS_HELP, Sign.STORED)


@pytest.mark.usefixtures("impatient")
async def test_a_live_reading_without_a_receipt_waits_and_a_receipt_ends_that() -> None:
    lamp = Lamp()
    home = Home(lamp)
    home.waiting = [LIVE, Pending(2, live=False)]
    async with living(home) as room:
        await lamp.until(Sign.WAITING)
        room.answered(Applied(settled=(1,), stored=(1,)))
        await lamp.until(Sign.WAITING, Sign.STORED)


@pytest.mark.usefixtures("impatient")
async def test_nobody_waits_for_what_left_the_outbox_otherwise() -> None:
    lamp = Lamp()
    home = Home(lamp)
    home.waiting = [LIVE]
    async with living(home) as room:
        await lamp.until(Sign.WAITING)
        home.waiting = ()
        await until(lambda: not room._since)


@pytest.mark.parametrize(
    "trouble",
    [
        GOOD.model_copy(update={"problems": ("the disk is full: free some space",)}),
        GOOD.model_copy(update={"adapters": (ADAPTER.model_copy(update={"problem": "hci0 is gone: plug it in"}),)}),
        GOOD.model_copy(update={"adapters": (), "adapter": "bluetoothd does not run"}),
        GOOD.model_copy(
            update={"meters": (MeterStatus(address=ADDRESS, model="generic-glucose", paired=True, problem="gone"),)}
        ),
        OutboxError("the outbox cannot be read"),
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_what_a_technician_has_to_see_to_asks_for_help(trouble: GatewayStatus | OutboxError) -> None:
    lamp = Lamp()
    home = Home(lamp)
    async with living(home) as room:
        home.status = trouble
        await lamp.until(Sign.NEEDS_HELP)
        home.status = GOOD
        room.added([LIVE])
        room.answered(Applied(settled=(1,), stored=(1,)))
        await lamp.until(Sign.NEEDS_HELP, Sign.MEASURED, Sign.STORED)


async def test_trouble_that_mends_itself_within_a_minute_is_not_shown() -> None:
    lamp = Lamp()
    home = Home(lamp)
    home.status = GOOD.model_copy(update={"problems": ("the time is not known yet",)})
    async with living(home) as room:
        room.added([LIVE])
        await lamp.until(Sign.MEASURED)
        room.answered(Applied(settled=(1,), stored=(1,)))
        await lamp.until(Sign.MEASURED, Sign.STORED)


async def test_the_backend_switches_it_off_and_on() -> None:
    lamp = Lamp()
    async with living(Home(lamp)) as room:
        room.show(IndicatorWanted(light=False))
        await until(lambda: room._indicator is None)
        room.added([LIVE])
        with pytest.raises(NoIndicatorError, match="indicator"):
            await room.identify(1)
        room.show(IndicatorWanted(light=True, quiet_from="00:00", quiet_to="00:00"))
        await until(lambda: room._indicator is not None)
        await room.identify(60)
        await lamp.until(Sign.IDENTIFY)


async def test_night_is_night_as_the_backend_wants_it() -> None:
    lamp = Lamp()
    async with living(Home(lamp)) as room:
        room.show(IndicatorWanted(light=True, quiet_from="11:00", quiet_to="13:00"))
        wanted = QuietHours.of("11:00", "13:00", ZoneInfo("UTC"))
        await until(lambda: room._indicator is not None and room._indicator._quiet == wanted)
        room.added([LIVE])
        await room.identify(60)
        await lamp.until(Sign.IDENTIFY)


async def test_a_broken_lamp_is_named_and_is_no_reason_to_ask_for_help() -> None:
    lamp = Lamp(broken=True)
    async with living(Home(lamp)) as room:
        await until(lambda: room.problem is not None)
        assert room.problem == "the lamp is broken: change it"
        with pytest.raises(NoIndicatorError, match="the lamp is broken: change it"):
            await room.identify(1)


@pytest.mark.parametrize(
    ("settings", "wanted", "kinds"),
    [
        ({}, None, []),
        ({"led": "ACT"}, None, [LedIndicator]),
        ({"led": "none", "sound": True}, None, [SoundIndicator]),
        ({}, IndicatorWanted(), [LedIndicator]),
        ({"led": "none"}, IndicatorWanted(sound=True), [SoundIndicator]),
        ({"led": "ACT", "sound": True}, IndicatorWanted(light=False), []),
    ],
)
def test_off_unless_somebody_wants_it(
    settings: dict[str, object], wanted: IndicatorWanted | None, kinds: list[type]
) -> None:
    engines = engines_of(IndicatorSection.model_validate(settings), wanted)
    assert [type(engine) for engine in engines] == kinds
