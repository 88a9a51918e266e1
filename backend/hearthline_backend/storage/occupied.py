"""Whether a bucket holds points, known to this installation's register or not."""

from typing import Final

from hearthline_backend.settings import Settings, secret
from hearthline_backend.storage.influxdb.connection import InfluxConnection
from hearthline_backend.storage.influxdb.flux import ANY_TIME, rows

_MEASUREMENTS: Final = """import "influxdata/influxdb/schema"
schema.measurements(bucket: params.bucket, start: time(v: params.start), stop: time(v: params.stop))"""


async def holds_points(settings: Settings) -> bool:
    """Whether anything at all was ever written to the bucket of these settings; False where they name none.

    Raises ``StoreUnavailableError``, where the bucket is not there too, and ``SettingsError``.
    """
    address, token_file = settings.influxdb, settings.influxdb_token_file
    if address is None or token_file is None:
        return False
    token = secret(token_file, "influxdb_token_file")
    connection = InfluxConnection.open(address, token, ca_file=settings.influxdb_ca_file)
    try:
        answer = await connection.query(_MEASUREMENTS, ANY_TIME)
    finally:
        await connection.close()
    return any(True for _ in rows(answer))
