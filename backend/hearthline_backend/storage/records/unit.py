"""The unit of work: one transaction, and every repository on it."""

from functools import cached_property

from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.storage.records.absences import Absences
from hearthline_backend.storage.records.alerts import Alerts
from hearthline_backend.storage.records.calls import Calls
from hearthline_backend.storage.records.care import Care
from hearthline_backend.storage.records.corrections import CorrectionHistory
from hearthline_backend.storage.records.digests import Digests
from hearthline_backend.storage.records.due_rows import DueRows
from hearthline_backend.storage.records.heard import HeardAcknowledgements
from hearthline_backend.storage.records.home_alerts import HomeAlerts
from hearthline_backend.storage.records.homes import Homes
from hearthline_backend.storage.records.judgements import Judgements
from hearthline_backend.storage.records.notices import Notices
from hearthline_backend.storage.records.pauses import Pauses
from hearthline_backend.storage.records.people import People
from hearthline_backend.storage.records.quarantine import Quarantine
from hearthline_backend.storage.records.remote import RemoteWork
from hearthline_backend.storage.records.reports import Reports
from hearthline_backend.storage.records.revisions import Revisions
from hearthline_backend.storage.records.rotas import Rotas
from hearthline_backend.storage.records.signing_keys import SigningKeys
from hearthline_backend.storage.records.silence import Silence
from hearthline_backend.storage.records.snoozes import Snoozes
from hearthline_backend.storage.records.synthetic import SyntheticRounds
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
    def rotas(self) -> Rotas:
        """What teams have agreed about calls."""
        return Rotas(self.connection)

    @cached_property
    def signing_keys(self) -> SigningKeys:
        """What is signed with what."""
        return SigningKeys(self.connection)

    @cached_property
    def care(self) -> Care:
        """Organisations, teams, patients, plans."""
        return Care(self.connection)

    @cached_property
    def pauses(self) -> Pauses:
        """Every pause of patients that there was."""
        return Pauses(self.connection)

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
    def due_rows(self) -> DueRows:
        """Which queues of what is due have something."""
        return DueRows(self.connection)

    @cached_property
    def synthetic(self) -> SyntheticRounds:
        """What follows from synthetic readings."""
        return SyntheticRounds(self.connection)

    @cached_property
    def silence(self) -> Silence:
        """Who is looked at again for silence, and when."""
        return Silence(self.connection)

    @cached_property
    def absences(self) -> Absences:
        """When a hop behind every home was away."""
        return Absences(self.connection)

    @cached_property
    def home_alerts(self) -> HomeAlerts:
        """What is wrong in homes."""
        return HomeAlerts(self.connection)

    @cached_property
    def notices(self) -> Notices:
        """What people are told of that is no patient's alert."""
        return Notices(self.connection)

    @cached_property
    def digests(self) -> Digests:
        """How each team stood in the morning."""
        return Digests(self.connection)

    @cached_property
    def reports(self) -> Reports:
        """Extraordinary reports, and who confirmed them."""
        return Reports(self.connection)

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
    def snoozes(self) -> Snoozes:
        """What somebody wants to hear of later."""
        return Snoozes(self.connection)

    @cached_property
    def heard(self) -> HeardAcknowledgements:
        """Acknowledgements that came in by webhook."""
        return HeardAcknowledgements(self.connection)

    @cached_property
    def waiting(self) -> Waiting:
        """Readings in quarantine that wait for a person's word."""
        return Waiting(self.connection)

    @cached_property
    def corrections(self) -> CorrectionHistory:
        """What people changed about readings afterwards."""
        return CorrectionHistory(self.connection)
