"""One home: what the heading says, what to do next, its meters and its gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hearthline_backend.storage.records.homes import Sensor
from hearthline_backend.storage.records.quarantine import Kept
from hearthline_backend.web.figures import NBSP, device_name, number_text
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import When, age_text, stamp, when
from hearthline_backend.web.views.home_road import behind, lost
from hearthline_backend.web.views.homes import BATTERY_SOON, CLOCK_OFF, NOT_HEARD_AFTER, HomeState
from hearthline_backend.web.views.patient import Entry
from hearthline_protocol.messages import AdapterStatus, MeterStatus

GOOD_SIGNAL_DBM: Final = -70
FAIR_SIGNAL_DBM: Final = -82


@dataclass(frozen=True, slots=True)
class MeterLine:
    """One meter, as of the last contact."""

    name: str
    model: str
    mark: str
    sign: str
    state: str
    heard: str
    battery: int | None
    battery_words: str
    signal: str
    clock: str
    bad_frames: str
    address: str
    reason: str
    """Why it was silent or failed, as its gateway says."""
    listed: bool = True
    """Whether the gateway reads it, as far as is known."""

    @property
    def key(self) -> str:
        """The address, fit for an HTML id."""
        return self.address.replace(":", "")


@dataclass(frozen=True, slots=True)
class Arrived:
    """How many readings of a meter came each day; counts only."""

    name: str
    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do now."""

    first: str
    then: str


def heading(state: HomeState) -> str:
    """The answer."""
    heard = state.gateway.heard_at
    if heard is None and not behind(state):
        return _("Home {home} has not been heard yet").format(home=state.gateway.home)
    if heard is not None and lost(state):
        return _("Broken between gateway and internet, since {time} ({age})").format(
            time=stamp(heard, state.now), age=age_text(state.now - heard, exact=True)
        )
    if not state.problems:
        return _("Everything in home {home} works").format(home=state.gateway.home)
    worst = state.problems[0]
    if worst.since is None:
        return worst.words
    return _("{problem}, since {time} ({age})").format(
        problem=worst.words, time=stamp(worst.since, state.now), age=age_text(state.now - worst.since, exact=True)
    )


def lede(state: HomeState) -> str:
    """One more sentence under the heading."""
    if state.gateway.heard_at is None and not behind(state):
        return _("It was enrolled; its readings are taken as soon as it comes online.")
    if behind(state):
        return _("Readings of every home wait where they are until it is mended. Nothing is lost.")
    if state.offline:
        return _("Readings made since then wait in the home, with room for a year.")
    if len(state.problems) > 1:
        others = len(state.problems) - 1
        return n_("And {n} more thing to look at.", "And {n} more things to look at.", others).format(n=others)
    return ""


def next_step(state: HomeState) -> NextStep:
    """One thing to do, and what happens then."""
    if state.gateway.heard_at is None and not behind(state):
        return NextStep(
            _("Switch the gateway on in the home."),
            _("It comes online by itself and this page changes without a reload."),
        )
    if lost(state):
        return NextStep(
            _("Ask the home whether the internet box and the gateway have power and their lights are on."),
            _(
                "If so: unplug the box for 30 s. The gateway comes back by itself within 10 min and sends what it "
                "kept. On the gateway itself, hearthline-gateway doctor names the broken hop."
            ),
        )
    if not state.problems:
        return NextStep(_("Nothing to do."), _("You find this home in the list when that changes."))
    worst = state.problems[0]
    first = worst.next_step if worst.next_step.endswith((".", "?")) else f"{worst.next_step}."
    return NextStep(first, _("This page changes by itself when the home reports again."))


def meter_lines(state: HomeState) -> tuple[MeterLine, ...]:
    """Every meter of the home, known to us or only to its gateway."""
    reported = dict(state.meters)
    lines = [_meter_line(sensor, reported.pop(sensor.address, None), state) for sensor in state.sensors]
    lines += [_meter_line(None, meter, state) for meter in reported.values()]
    return tuple(lines)


def _meter_line(sensor: Sensor | None, meter: MeterStatus | None, state: HomeState) -> MeterLine:
    name = device_name(sensor.device) if sensor is not None else _("Unknown meter")
    model = sensor.model if sensor is not None else meter.model if meter is not None else ""
    mark, sign, words = _meter_state(meter, state.now)
    listed = meter is not None or state.listed is None or (sensor is not None and sensor.address in state.listed)
    if not listed:
        mark, sign, words = "none", "wait", _("Not read")
    if meter is not None and meter.paired:
        model = _("{model}, bonded").format(model=model)
    return MeterLine(
        name=name,
        model=model,
        mark=mark,
        sign=sign,
        state=words,
        heard=stamp(meter.last_heard, state.now) if meter is not None and meter.last_heard is not None else _("never"),
        battery=meter.battery_percent if meter is not None else None,
        battery_words=f"{meter.battery_percent}{NBSP}%"
        if meter is not None and meter.battery_percent is not None
        else _("not told"),
        signal=_signal(meter.signal_dbm if meter is not None else None),
        clock=_clock(meter.clock_offset_s if meter is not None else None),
        bad_frames=_bad_frames(meter),
        address=sensor.address if sensor is not None else meter.address if meter is not None else "",
        reason=_reason(meter, state.now)
        if listed
        else _("The gateway does not read it. Find it and pair it to have it read."),
        listed=listed,
    )


def _reason(meter: MeterStatus | None, now: datetime) -> str:
    """The problem of now; else the last error, with its time, while the meter has not been heard since."""
    if meter is None or meter.problem is not None:
        return meter.problem or "" if meter is not None else ""
    if meter.last_error is None or meter.last_error_time is None:
        return ""
    if meter.last_reading is not None and meter.last_reading >= meter.last_error_time:
        return ""
    return f"{stamp(meter.last_error_time, now)}: {meter.last_error}"


def _meter_state(meter: MeterStatus | None, now: datetime) -> tuple[str, str, str]:
    if meter is None:
        return "none", "wait", _("Not reported yet")
    if meter.paired is False:
        return (
            ("none", "wait", _("Not paired yet")) if meter.last_heard is None else ("red", "broken", _("Pairing lost"))
        )
    if meter.problem:
        return "red", "broken", _("Problem")
    if meter.battery_percent is not None and meter.battery_percent <= BATTERY_SOON:
        return "yellow", "soon", _("Battery soon")
    if meter.paired and meter.last_heard is None:
        return "none", "wait", _("Paired, not measured yet")
    if meter.last_heard is None or now - meter.last_heard > NOT_HEARD_AFTER:
        return "none", "wait", _("Not heard")
    if meter.clock_offset_s is not None and abs(meter.clock_offset_s) > CLOCK_OFF.total_seconds():
        return "yellow", "soon", _("Clock off")
    return "green", "ok", _("OK")


def _signal(dbm: int | None) -> str:
    if dbm is None:
        return _("not told")
    words = _("good") if dbm >= GOOD_SIGNAL_DBM else _("fair") if dbm >= FAIR_SIGNAL_DBM else _("weak")
    return f"{number_text(dbm, 0)}{NBSP}dBm, {words}"


def _clock(offset_s: float | None) -> str:
    if offset_s is None:
        return _("not told")
    if abs(offset_s) < 10:
        return _("right, ±{n} s").format(n=max(1, round(abs(offset_s)))).replace(" s", f"{NBSP}s")
    text = _("{time} fast, corrected") if offset_s > 0 else _("{time} slow, corrected")
    return text.format(time=age_text(timedelta(seconds=abs(offset_s))))


def _bad_frames(meter: MeterStatus | None) -> str:
    if meter is None or not meter.bad_frames:
        return ""
    total = sum(one.count for one in meter.bad_frames)
    kinds = "; ".join(
        _("{characteristic}, {length} bytes: {reason}").format(
            characteristic=one.characteristic, length=one.length, reason=one.reason
        )
        for one in meter.bad_frames
    )
    return n_("{n} frame could not be read: {kinds}", "{n} frames could not be read: {kinds}", total).format(
        n=total, kinds=kinds
    )


def gateway_facts(state: HomeState) -> tuple[tuple[str, str | When], ...]:
    """What is known of the box itself."""
    now, status = state.now, state.status
    facts: list[tuple[str, str | When]] = []
    heard = state.gateway.heard_at
    facts.append((_("Last contact"), when(heard, now, exact=True) if heard is not None else _("never")))
    outbox = status.outbox if status is not None else None
    if outbox is not None:
        more = _("{n} or more") if state.offline else "{n}"
        facts.append((_("Waiting in the home"), more.format(n=number_text(outbox.pending, 0))))
        if outbox.oldest_pending is not None:
            facts.append((_("Oldest waiting"), stamp(outbox.oldest_pending, now)))
        if outbox.waiting_for_time:
            facts.append((_("Waiting until the gateway knows the time"), number_text(outbox.waiting_for_time, 0)))
        facts.append((_("Refused, kept in the home"), number_text(outbox.rejected, 0)))
        if outbox.given_up:
            facts.append((_("Given up without a receipt"), number_text(outbox.given_up, 0)))
        if outbox.disk_free_bytes is not None:
            megabytes = number_text(outbox.disk_free_bytes / 1_000_000, 0)
            facts.append((_("Free on its disk"), f"{megabytes}{NBSP}MB"))
        last = stamp(outbox.last_receipt, now) if outbox.last_receipt is not None else _("none yet")
        facts.append((_("Last receipt"), last))
    if status is not None and status.clock_synchronised is not None:
        facts.append((_("Clock at last contact"), _("right") if status.clock_synchronised else _("not yet known")))
    if status is not None and status.adapters:
        facts += [(_("Bluetooth adapter {name}").format(name=one.name), _adapter(one)) for one in status.adapters]
    elif status is not None and status.adapter is not None:
        facts.append((_("Bluetooth adapter"), status.adapter))
    if status is not None and status.bluez_version is not None:
        facts.append((_("BlueZ"), status.bluez_version))
    if status is not None and status.version is not None:
        facts.append((_("Version"), status.version))
    if status is not None and status.started_time is not None:
        facts.append((_("Running since"), stamp(status.started_time, now)))
    facts.append((_("Gateway"), state.gateway.name))
    return tuple(facts)


def _adapter(one: AdapterStatus) -> str:
    resets = n_("reset {n} time", "reset {n} times", one.resets).format(n=one.resets)
    return f"{one.state}, {resets}" if one.resets else one.state


def happened(
    state: HomeState, kept: Sequence[Kept], alerts: Sequence[tuple[datetime, Entry]] = ()
) -> tuple[Entry, ...]:
    """What is on record for this home, newest first: contact, its alerts, refusals by reason and count, enrolment."""
    now = state.now
    dated: list[tuple[datetime, Entry]] = list(alerts)
    if state.offline and state.gateway.heard_at is not None:
        at = state.gateway.heard_at
        will = state.status is not None and state.status.state == "offline"
        small = _("Said by the broker") if will else _("Nothing heard for more than 15 min")
        dated.append((at, Entry(stamp(at, now), _("Contact lost"), small=small)))
    for one in kept:
        words = _("Kept for later: {reason}") if one.status == "held" else _("Refused: {reason}")
        small = n_("{n} time", "{n} times", one.count).format(n=one.count)
        entry = Entry(stamp(one.last_received_at, now), words.format(reason=one.reason.replace("_", " ")), small=small)
        dated.append((one.last_received_at, entry))
    if state.status is not None and state.status.started_time is not None:
        at = state.status.started_time
        dated.append((at, Entry(stamp(at, now), _("Gateway started"))))
    dated.append((state.gateway.enrolled_at, Entry(stamp(state.gateway.enrolled_at, now), _("Enrolled"))))
    return tuple(entry for _at, entry in sorted(dated, key=lambda pair: pair[0], reverse=True))


def arrived(
    counts: Mapping[str, Sequence[int]], sensors: Sequence[Sensor], expected: Mapping[str, int]
) -> tuple[Arrived, ...]:
    """Counts a day for each meter, beside what its plan expects where it expects something."""
    lines = []
    for sensor in sensors:
        days = counts.get(sensor.address)
        if days is not None:
            wanted = expected.get(sensor.address, 0)
            texts = tuple(f"{count}/{wanted}" if wanted else str(count) for count in days)
            lines.append(Arrived(device_name(sensor.device), texts))
    return tuple(lines)
