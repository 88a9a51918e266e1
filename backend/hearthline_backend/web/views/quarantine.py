"""What could not be taken, for technicians: which meter, how long, why, how often, and what to do. Never a value."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.payload_looks import device_of
from hearthline_backend.storage.records.homes import Gateway, Sensor
from hearthline_backend.storage.records.quarantine import Kept
from hearthline_backend.web.figures import NBSP, device_name, number_text
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.times import When, when

STATUSES: Final = ("held", "rejected", "released", "discarded")


@dataclass(frozen=True, slots=True)
class Line:
    """One row. ``mark`` and ``sign`` are of its status."""

    number: int
    home: str
    gateway: str
    status: str
    word: str
    mark: str
    sign: str
    reason: str
    step: str
    message: str
    what: str
    length: str
    count: str
    last: When
    first: When
    retry: bool
    discard: bool
    whole: bool
    sha256: str
    batch: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One filter with how many rows it leaves."""

    name: str
    text: str
    count: int
    here: bool


def status_word(status: str) -> str:
    """Where a row stands."""
    return {
        "held": _("Held for later"),
        "rejected": _("Refused"),
        "released": _("Taken"),
        "discarded": _("Let go"),
    }.get(status, status)


def reason_words(reason: str) -> str:
    """Why it was not taken."""
    words = {
        Reason.NOT_JSON: _("Not readable as a message"),
        Reason.WRONG_SCHEMA: _("Not in the form that was agreed"),
        Reason.TOO_MANY: _("Too many readings in one message"),
        Reason.OVERSIZED: _("Message too large"),
        Reason.UNKNOWN_KIND: _("A kind of reading that this backend does not know"),
        Reason.UNKNOWN_UNIT: _("A unit or field that does not belong to its kind"),
        Reason.IMPOSSIBLE_VALUE: _("A value that nobody can have"),
        Reason.MISSING_VALUE: _("The value is missing"),
        Reason.IMPOSSIBLE_TIME: _("A time that cannot be right"),
        Reason.BAD_TOPIC: _("Sent to an address that is nobody’s"),
        Reason.BAD_STATUS: _("A status that cannot be read"),
        Reason.NEWER_SCHEMA: _("From a newer gateway than this backend"),
        Reason.UNKNOWN_GATEWAY: _("Gateway not enrolled"),
        Reason.UNKNOWN_SENSOR: _("Meter not registered"),
        Reason.NOT_ASSIGNED: _("The meter was nobody’s then"),
        Reason.WHOSE: _("Not clear whose it is"),
        Reason.GUEST: _("A guest’s"),
        Reason.NOT_PROCESSED: _("This backend failed on it"),
    }
    known = _reason(reason)
    return words[known] if known is not None else reason.replace("_", " ")


def next_step(reason: str, status: str) -> str:
    """What to do about it."""
    if status in ("released", "discarded"):
        return _("Nothing more to do.")
    broken = _("Look at the gateway’s version and log. What is right is sent again by itself.")
    steps = {
        Reason.TOO_MANY: _("Update the gateway: it sends more at a time than was agreed."),
        Reason.OVERSIZED: _("Update the gateway: it sends more at a time than was agreed."),
        Reason.UNKNOWN_KIND: _("Update the backend, then try it again."),
        Reason.IMPOSSIBLE_VALUE: _("Look at the meter: it may be broken, or its model may be set wrongly."),
        Reason.MISSING_VALUE: _("Look at the meter: it may be broken, or its model may be set wrongly."),
        Reason.IMPOSSIBLE_TIME: _("Set the gateway’s clock: check its way to a time server."),
        Reason.BAD_TOPIC: _("Check the gateway’s name and the broker’s access list."),
        Reason.NEWER_SCHEMA: _("Update the backend. It is then taken by itself."),
        Reason.UNKNOWN_GATEWAY: _("Enrol the gateway, if it is yours. It is then taken by itself."),
        Reason.UNKNOWN_SENSOR: _("Register the meter in its home. It is then taken by itself."),
        Reason.NOT_ASSIGNED: _("Assign the meter from that time on, or have the care team say whose it is."),
        Reason.WHOSE: _("The care team says whose it is."),
        Reason.GUEST: _("Nothing to do: a person said so."),
        Reason.NOT_PROCESSED: _("Report it with the log of that time. It is tried again by itself."),
    }
    known = _reason(reason)
    return steps.get(known, broken) if known is not None else broken


def line(row: Kept, home: Gateway | None, sensors: Mapping[str, Sensor], now: datetime) -> Line:
    """A row as a technician sees it."""
    mark, sign = {"held": ("yellow", "soon"), "rejected": ("red", "broken"), "released": ("green", "ok")}.get(
        row.status, ("none", "wait")
    )
    whole = row.payload is not None and len(row.payload) == row.payload_bytes
    open_row = row.status in ("held", "rejected")
    return Line(
        number=row.id,
        home=home.home if home is not None else "",
        gateway=row.gateway,
        status=row.status,
        word=status_word(row.status),
        mark=mark,
        sign=sign,
        reason=reason_words(row.reason),
        step=next_step(row.reason, row.status),
        message=row.message,
        what=_what(row, sensors),
        length=f"{number_text(row.payload_bytes, 0)}{NBSP}{_('bytes')}",
        count=n_("{n} time", "{n} times", row.count).format(n=number_text(row.count, 0)),
        last=when(row.last_received_at, now, exact=True),
        first=when(row.received_at, now, exact=True),
        retry=open_row and whole,
        discard=open_row and row.reason != Reason.WHOSE.value,
        whole=whole,
        sha256=row.payload_sha256[:16] if row.payload_bytes else "",
        batch=row.batch or "",
    )


def _what(row: Kept, sensors: Mapping[str, Sensor]) -> str:
    """Meter and characteristic of a single reading; nothing that was measured."""
    address, characteristic = device_of(row)
    if not address:
        return _("A whole message") if row.reading_id is None else ""
    sensor = sensors.get(address)
    meter = device_name(sensor.device) if sensor is not None else _("Meter")
    said = _("{meter} {address}").format(meter=meter, address=address)
    return f"{said}, 0x{characteristic}" if characteristic else said


def statuses(counts: Mapping[tuple[str, str, str], int], gateway: str, reason: str, here: str) -> tuple[Choice, ...]:
    """The filter by status, as the other filters leave it."""
    left = {key: many for key, many in counts.items() if gateway in ("", key[0]) and reason in ("", key[2])}
    found = [Choice("", _("All"), sum(left.values()), here == "")]
    for status in STATUSES:
        many = sum(count for key, count in left.items() if key[1] == status)
        if many or status == here:
            found.append(Choice(status, status_word(status), many, status == here))
    return tuple(found)


def reasons(counts: Mapping[tuple[str, str, str], int], here: str) -> tuple[Choice, ...]:
    """Every reason that occurs."""
    names = sorted({key[2] for key in counts} | ({here} if here else set()), key=reason_words)
    totals = {name: sum(count for key, count in counts.items() if key[2] == name) for name in names}
    return tuple(Choice(name, reason_words(name), totals[name], name == here) for name in names)


def gateways(counts: Mapping[tuple[str, str, str], int], homes: Mapping[str, Gateway], here: str) -> tuple[Choice, ...]:
    """Every gateway that occurs, by its home's number where it has one."""
    names = {key[0] for key in counts} | ({here} if here else set())
    totals = {name: sum(count for key, count in counts.items() if key[0] == name) for name in names}
    texts = {name: _("Home {home}").format(home=homes[name].home) if name in homes else name for name in names}
    return tuple(Choice(name, texts[name], totals[name], name == here) for name in sorted(names, key=texts.__getitem__))


def heading(counts: Mapping[tuple[str, str, str], int]) -> str:
    """The answer on top."""
    held = sum(count for (_gateway, status, _why), count in counts.items() if status == "held")
    refused = sum(count for (_gateway, status, _why), count in counts.items() if status == "rejected")
    if not held and not refused:
        return _("Nothing waits, and nothing was refused")
    waits = n_("{n} waits", "{n} wait", held).format(n=number_text(held, 0))
    was = n_("{n} was refused", "{n} were refused", refused).format(n=number_text(refused, 0))
    return _("{waiting}, {refused}").format(waiting=waits, refused=was)


def payload_text(row: Kept) -> str:
    """What was sent, as text; JSON is set in lines."""
    body = row.payload or b""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "backslashreplace")


def _reason(reason: str) -> Reason | None:
    try:
        return Reason(reason)
    except ValueError:
        return None


def lines(
    rows: Sequence[Kept], homes: Mapping[str, Gateway], sensors: Mapping[str, Sensor], now: datetime
) -> tuple[Line, ...]:
    """A page of rows."""
    return tuple(line(row, homes.get(row.gateway), sensors, now) for row in rows)
