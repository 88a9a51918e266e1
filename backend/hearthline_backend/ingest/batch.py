"""A payload to readings: what can be taken, and what cannot with its reason. Pure."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from hearthline_backend.ingest.arrival import dated_by_arrival
from hearthline_backend.ingest.plausibility import objection
from hearthline_backend.ingest.refusal import Reason, Refused
from hearthline_protocol.messages import MAX_BATCH_BYTES, MAX_BATCH_READINGS, SCHEMA, ReadingsBatch
from hearthline_protocol.readings import Reading

_SCHEMA_NUMBER: Final = TypeAdapter(Annotated[int, Field(ge=1)])

HEAD_BYTES: Final = 1024
"""What is kept of a payload that is too large."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a payload held. ``refused`` speaks for the whole message where its entry says ``whole``."""

    readings: tuple[Reading, ...]
    refused: tuple[Refused, ...]


def read_batch(payload: bytes, now: datetime, arrived: datetime | None = None) -> Batch:
    """Take a payload apart. Never raises for anything a payload can hold. ``arrived`` is when it came, where that was
    not ``now``."""
    if len(payload) > MAX_BATCH_BYTES:
        return _nothing(_oversized(payload))
    try:
        batch = ReadingsBatch.model_validate_json(payload)
    except ValidationError:
        return _read_one_by_one(payload, now, arrived or now)
    if batch.schema_version > SCHEMA:
        return _nothing(_newer(payload, batch.schema_version))
    return _sorted_out(list(batch.readings), [], now, arrived or now)


def read_reading(payload: bytes, now: datetime, arrived: datetime | None = None) -> Batch:
    """The same for the payload of one reading, as quarantine keeps it."""
    good, refused = _take(payload)
    return _sorted_out([] if good is None else [good], [] if refused is None else [refused], now, arrived or now)


def payload_of(reading: Reading) -> bytes:
    """One reading as quarantine keeps it."""
    return reading.model_dump_json().encode()


def _read_one_by_one(payload: bytes, now: datetime, arrived: datetime) -> Batch:
    """The batch as a whole is not right: find out whether one of its readings is to blame."""
    try:
        content = from_json(payload)
    except ValueError as error:
        return _nothing(_whole(Reason.NOT_JSON, f"the message is not JSON: {error}", payload))
    refused = _wrong_envelope(content, payload)
    if refused is not None:
        return _nothing(refused)
    good: list[Reading] = []
    bad: list[Refused] = []
    for item in content["readings"]:
        reading, refusal = _take(to_json(item, inf_nan_mode="constants"))
        if reading is not None:
            good.append(reading)
        if refusal is not None:
            bad.append(refusal)
    return _sorted_out(good, bad, now, arrived)


def _wrong_envelope(content: Any, payload: bytes) -> Refused | None:
    if not isinstance(content, dict):
        return _whole(Reason.WRONG_SCHEMA, "a message is a JSON object with schema and readings", payload)
    try:
        schema = _SCHEMA_NUMBER.validate_python(content.get("schema", SCHEMA))
    except ValidationError:
        return _whole(Reason.WRONG_SCHEMA, f"schema is a whole number, this backend speaks {SCHEMA}", payload)
    if schema > SCHEMA:
        return _newer(payload, schema)
    more = content.keys() - {"schema", "readings"}
    if more:
        return _whole(Reason.WRONG_SCHEMA, f"a message has only schema and readings; it had {len(more)} more", payload)
    readings = content.get("readings")
    if not isinstance(readings, list) or not readings:
        return _whole(Reason.WRONG_SCHEMA, "readings is a list of at least one reading", payload)
    if len(readings) > MAX_BATCH_READINGS:
        text = f"a message holds at most {MAX_BATCH_READINGS} readings, this one {len(readings)}"
        return _whole(Reason.TOO_MANY, text, payload)
    return None


def _take(payload: bytes) -> tuple[Reading | None, Refused | None]:
    try:
        return Reading.model_validate_json(payload), None
    except ValidationError as error:
        return None, Refused(Reason.WRONG_SCHEMA, _in_words(error), payload, _named(payload))


def _sorted_out(readings: list[Reading], refused: list[Refused], now: datetime, arrived: datetime) -> Batch:
    good: dict[UUID, Reading] = {}
    for reading in (dated_by_arrival(one, arrived) for one in readings):
        found = objection(reading, now)
        if found is None:
            good.setdefault(reading.id, reading)
        else:
            reason, message = found
            refused.append(Refused(reason, message, payload_of(reading), (reading.id,)))
    return Batch(tuple(good.values()), tuple(refused))


def _nothing(refused: Refused) -> Batch:
    return Batch((), (refused,))


def _whole(reason: Reason, message: str, payload: bytes) -> Refused:
    return Refused(reason, message, payload, whole=True)


def _newer(payload: bytes, schema: int) -> Refused:
    message = f"schema {schema} is newer than this backend's {SCHEMA}; it is kept and read after the upgrade"
    return _whole(Reason.NEWER_SCHEMA, message, payload)


def _oversized(payload: bytes) -> Refused:
    message = f"a message has at most {MAX_BATCH_BYTES} bytes, this one {len(payload)}; send fewer readings at a time"
    digest = sha256(payload).hexdigest()
    return Refused(
        Reason.OVERSIZED, message, payload[:HEAD_BYTES], whole=True, whole_sha256=digest, whole_bytes=len(payload)
    )


def _in_words(error: ValidationError) -> str:
    """Where and what was expected, without what was there: that may be a patient's value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part)[:40] for part in first["loc"]) or "the reading"
    more = error.error_count() - 1
    text = f"{where}: {first['msg']}" + (f" (and {more} more)" if more else "")
    return text if text.isprintable() else ascii(text)[1:-1]  # no database has to take control characters from a home


def _named(payload: bytes) -> tuple[UUID, ...]:
    """The id of a reading that is not right in some other way, so that it can be answered by name."""
    content = from_json(payload)
    if isinstance(content, dict) and isinstance(content.get("id"), str):
        try:
            return (UUID(content["id"]),)
        except ValueError:
            return ()
    return ()
