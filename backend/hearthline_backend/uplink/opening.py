"""The uplink as the settings want it."""

from collections.abc import Callable
from datetime import UTC, datetime

from hearthline_backend.settings import Settings, SettingsError
from hearthline_backend.uplink.broker_uplink import BrokerUplink
from hearthline_backend.uplink.mqtt5_engine import Mqtt5Uplink
from hearthline_backend.uplink.paho_engine import PahoUplink
from hearthline_backend.uplink.subscriptions import Hears, Subscriptions


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
    engine = PahoUplink if settings.mqtt_engine == "paho" else Mqtt5Uplink
    return engine(
        settings.broker,
        subscriptions=Subscriptions.of(hears, settings.mqtt_share),
        receive_maximum=settings.mqtt_receive_maximum,
        clock=clock,
        changed=changed,
    )
