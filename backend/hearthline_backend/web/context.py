"""What the site is given. It knows nothing about how its parts are made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_bytes

from aiohttp import web

from hearthline_backend.alerting.actions import AlertActions
from hearthline_backend.alerting.links import AlertLinks
from hearthline_backend.alerting.report_confirming import ReportConfirmations
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.corrections import ReadingCorrections
from hearthline_backend.events import EventBus
from hearthline_backend.plan_changing import PlanChanging
from hearthline_backend.remote.desk import RemoteDesk
from hearthline_backend.storage.ports import ReadingStore, Records


@dataclass(frozen=True, slots=True)
class WebContext:
    """Ports and settings of the site.

    ``clock`` answers in UTC with its zone. ``retry`` tries a row of quarantine again, now. ``broker_away_since`` and
    ``stores_away_since`` are what this service knows of the hops behind a home, ``delayed_since`` since when what
    homes send does not get here. ``secure_cookies`` is False only on
    loopback in the demo.
    ``confirm_within`` is the site's time to confirm a report, for teams that have not agreed their own.
    ``trusted_proxies`` are addresses whose ``X-Forwarded-For`` is believed for the sign-in limit.
    """

    records: Records
    readings: ReadingStore
    events: EventBus
    actions: AlertActions
    desk: RemoteDesk
    corrections: ReadingCorrections
    clock: Callable[[], datetime]
    retry: Callable[[int], Awaitable[object]]
    broker_away_since: Callable[[], datetime | None] = lambda: None
    stores_away_since: Callable[[], datetime | None] = lambda: None
    delayed_since: Callable[[], datetime | None] = lambda: None
    secure_cookies: bool = True
    confirm_within: timedelta = DEFAULT.confirm_within
    trusted_proxies: frozenset[str] = frozenset()
    links: AlertLinks = field(default_factory=lambda: AlertLinks(token_bytes()))
    """What links in messages mean. Without one none that was made elsewhere means anything."""

    @property
    def confirmations(self) -> ReportConfirmations:
        """How reports are confirmed."""
        return ReportConfirmations(self.records, self.events, self.clock)

    @property
    def plans(self) -> PlanChanging:
        """Who changes plans."""
        return PlanChanging(self.records, self.readings, self.events, self.clock)


CONTEXT: web.AppKey[WebContext] = web.AppKey("hearthline_context", WebContext)
