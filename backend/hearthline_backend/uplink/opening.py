"""The uplink as the settings want it."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hearthline_backend.settings import Settings, SettingsError
from hearthline_backend.uplink.broker_uplink import BrokerUplink
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.paho_engine import PahoUplink
from hearthline_backend.uplink.subscriptions import Hears, Subscriptions

_ROUNDS: Final = 100_000
_SECRET_BYTES: Final = 12


def open_uplink(
    settings: Settings,
    hears: Hears = Hears.ALL,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    changed: Callable[[], None] = lambda: None,
) -> BrokerUplink:
    """An uplink that has not started yet. ``changed`` is called when the broker is reached and when it is lost.

    A process that hears readings alone is one of several, so it needs ``mqtt_share``: without it each of them would
    take every reading. Raises :class:`SettingsError`.
    """
    if hears is Hears.READINGS and settings.mqtt_share is None:
        raise SettingsError("mqtt_share is needed by a process that only takes readings; name a group, such as workers")
    address = settings.broker
    engine = PahoUplink if settings.mqtt_engine == "paho" else Mqtt5Uplink
    return engine(
        address,
        subscriptions=Subscriptions.of(hears, group_name(settings.mqtt_share, address.password)),
        receive_maximum=settings.mqtt_receive_maximum,
        clock=clock,
        changed=changed,
    )


def group_name(share: str | None, password: str | None) -> str | None:
    """The group's name at the broker. Whoever knows it could join and swallow a share of the readings, and a broker's
    access list need not keep a gateway from that; so it is made of what only the backend's processes know."""
    if share is None or password is None:
        return share
    made = hashlib.pbkdf2_hmac("sha256", password.encode(), share.encode(), _ROUNDS, _SECRET_BYTES)
    return f"{share}-{made.hex()}"
