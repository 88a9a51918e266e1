"""The bucket as Hearthline needs it: there, and keeping what is written to it for ever."""

import json

from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.influxdb.connection import InfluxConnection


class BucketError(HearthlineError):
    """The bucket cannot be used as it is. The text says what to do."""


async def prepare_bucket(connection: InfluxConnection) -> None:
    """Make the bucket where it is missing. Raises :class:`BucketError`, or ``StoreUnavailableError`` where the server
    cannot be asked or does not let the token make one."""
    address = connection.address
    asked = {"org": address.organisation, "name": address.bucket}
    found = json.loads(await connection.get("/api/v2/buckets", asked))["buckets"]
    if not found:
        organisations = json.loads(await connection.get("/api/v2/orgs", {"org": address.organisation}))["orgs"]
        if not organisations:
            raise BucketError(
                f"InfluxDB has no organisation {address.organisation!r} that the token may see; compare readings_url"
            )
        forever = {"orgID": organisations[0]["id"], "name": address.bucket, "retentionRules": []}
        await connection.post("/api/v2/buckets", forever)
        return
    if any(rule.get("everySeconds") for rule in found[0].get("retentionRules", ())):
        raise BucketError(
            f"the bucket {address.bucket!r} forgets readings after a while, and they must never be lost; "
            f"set its retention to forever: influx bucket update --id {found[0]['id']} --retention 0"
        )
