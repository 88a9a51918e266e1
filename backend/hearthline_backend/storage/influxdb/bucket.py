"""The bucket as Hearthline needs it: there, and keeping what is written to it for ever."""

import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import structlog

from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.influxdb.connection import InfluxConnection, RefusedError
from hearthline_backend.storage.influxdb.register import Register

log = structlog.get_logger(__name__)

_SHARD: Final = timedelta(weeks=52)
_FOREVER: Final = {"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": int(_SHARD.total_seconds())}
"""InfluxDB keeps what was measured in one such stretch together, and looks into each for a last value. By default that
is a week, which is meant for series a thousand times as dense as a patient's."""


class BucketError(HearthlineError):
    """The bucket cannot be used as it is. The text says what to do."""


async def prepare_bucket(connection: InfluxConnection) -> str:
    """The bucket's id; it is made where it is missing. Raises :class:`BucketError`, or ``StoreUnavailableError`` where
    the server cannot be asked or does not let the token make one."""
    address = connection.address
    asked = {"org": address.organisation, "name": address.bucket}
    found = await _listed(connection, "buckets", asked)
    if not found:
        organisations = await _listed(connection, "orgs", {"org": address.organisation})
        if not organisations:
            raise BucketError(
                f"InfluxDB has no organisation {address.organisation!r} that the token may see; compare readings_url"
            )
        forever = {"orgID": organisations[0]["id"], "name": address.bucket, "retentionRules": [_FOREVER]}
        made: str = json.loads(await connection.post("/api/v2/buckets", forever))["id"]
        return made
    if any(rule.get("everySeconds") for rule in found[0].get("retentionRules", ())):
        raise BucketError(
            f"the bucket {address.bucket!r} forgets readings after a while, and they must never be lost; "
            f"set its retention to forever: influx bucket update --id {found[0]['id']} --retention 0"
        )
    await _in_long_shards(connection, found[0])
    known: str = found[0]["id"]
    return known


async def claim_bucket(register: Register, bucket_id: str, *, forget: bool = False) -> None:
    """See that the register speaks of this bucket. ``forget`` lets go of what it says of another one. Raises
    :class:`BucketError`, for with the register of another bucket readings would be taken for known that are not there.
    """
    known = await register.bucket()
    if known == bucket_id:
        return
    if forget:
        await register.forget_everything()
    elif not await register.is_empty():
        raise BucketError(
            f"the records know where readings stand in another bucket (id {known or 'unknown'}) than the one that "
            f"readings_url names (id {bucket_id}); name the other one again, or fill this one from the embedded store: "
            "hearthline store migrate --from embedded --to influxdb --forget-other-bucket"
        )
    await register.set_bucket(bucket_id)


async def _in_long_shards(connection: InfluxConnection, bucket: dict[str, Any]) -> None:
    if all(rule.get("shardGroupDurationSeconds", 0) >= _SHARD.total_seconds() for rule in bucket["retentionRules"]):
        return
    try:
        await connection.patch(f"/api/v2/buckets/{bucket['id']}", {"retentionRules": [_FOREVER]})
    except RefusedError:  # a token that may only read and write
        step = f"influx bucket update --id {bucket['id']} --retention 0 --shard-group-duration {_SHARD.days}d"
        log.warning("bucket_in_short_shards", message=f"last values are slow to find; run once: {step}")


async def _listed(connection: InfluxConnection, what: str, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(await connection.get(f"/api/v2/{what}", asked))[what]
    except RefusedError as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return []
        raise
    return found
