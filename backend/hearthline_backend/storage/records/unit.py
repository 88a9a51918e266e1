"""The unit of work: one transaction, and every repository on it."""

from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.alerts import Alerts
from hearthline_backend.storage.records.calls import Calls
from hearthline_backend.storage.records.care import Care
from hearthline_backend.storage.records.corrections import CorrectionHistory
from hearthline_backend.storage.records.homes import Homes
from hearthline_backend.storage.records.judgements import Judgements
from hearthline_backend.storage.records.people import People
from hearthline_backend.storage.records.quarantine import Quarantine
from hearthline_backend.storage.records.remote import RemoteWork
from hearthline_backend.storage.records.revisions import Revisions
from hearthline_backend.storage.records.waiting import Waiting


class Unit:
    """Repositories share the connection: what one writes, another reads, and all of it commits or nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @cached_property
    def people(self) -> People:
        """Users, sessions, sign-in attempts, who is on call, the access log."""
        return People(self.connection)

    @cached_property
    def care(self) -> Care:
        """Organisations, teams, patients, plans."""
        return Care(self.connection)

    @cached_property
    def homes(self) -> Homes:
        """Gateways, sensors, assignments."""
        return Homes(self.connection)

    @cached_property
    def judgements(self) -> Judgements:
        """The register of judged reading ids."""
        return Judgements(self.connection)

    @cached_property
    def alerts(self) -> Alerts:
        """Alerts and their append-only history."""
        return Alerts(self.connection)

    @cached_property
    def calls(self) -> Calls:
        """Notifications, their attempts, and other rows that are due."""
        return Calls(self.connection)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What could not be taken."""
        return Quarantine(self.connection)

    @cached_property
    def remote(self) -> RemoteWork:
        """Wanted and reported configurations, commands."""
        return RemoteWork(self.connection)

    @cached_property
    def revisions(self) -> Revisions:
        """Whether what is remembered between groups still holds."""
        return Revisions(self.connection)

    @cached_property
    def waiting(self) -> Waiting:
        """Readings in quarantine that wait for a person's word."""
        return Waiting(self.connection)

    @cached_property
    def corrections(self) -> CorrectionHistory:
        """What people changed about readings afterwards."""
        return CorrectionHistory(self.connection)
