"""Why an act on an alert was refused, with data, so that a screen can say it in its own words."""

from datetime import datetime

from hearthline_backend.storage.records.alerts import AlertState, Outcome


class AlertActionError(Exception):
    """An act that was refused. Nothing has changed."""

    def __init__(self, alert_id: int, message: str) -> None:
        super().__init__(message)
        self.alert_id = alert_id


class AlertNotFoundError(AlertActionError):
    """There is no such alert."""

    def __init__(self, alert_id: int) -> None:
        super().__init__(alert_id, f"there is no alert {alert_id}; go back to the worklist")


class NotYourTeamError(AlertActionError):
    """The patient belongs to another team. A screen shows the same as for an alert that is not there."""

    def __init__(self, alert_id: int) -> None:
        super().__init__(alert_id, f"alert {alert_id} belongs to another team; go back to the worklist")


class AlreadyTakenError(AlertActionError):
    """Somebody else has it."""

    def __init__(self, alert_id: int, initials: str, since: datetime | None) -> None:
        super().__init__(alert_id, f"{initials} has alert {alert_id} since {since}; talk to {initials} or resolve it")
        self.initials = initials
        self.since = since


class AlertOverError(AlertActionError):
    """It is resolved or withdrawn."""

    def __init__(self, alert_id: int, state: AlertState, since: datetime | None) -> None:
        super().__init__(alert_id, f"alert {alert_id} is {state.value} already; read its history")
        self.state = state
        self.since = since


class NothingToUndoError(AlertActionError):
    """Not acknowledged by this person, or too long ago."""

    def __init__(self, alert_id: int) -> None:
        super().__init__(alert_id, f"alert {alert_id} can no longer be given back; resolve it instead")


class NoteRequiredError(AlertActionError):
    """This outcome needs words."""

    def __init__(self, alert_id: int, outcome: Outcome | None) -> None:
        super().__init__(alert_id, "a note is needed: what was found, and what was done")
        self.outcome = outcome


class NotAnOutcomeError(AlertActionError):
    """An outcome that only the service itself gives."""

    def __init__(self, alert_id: int, outcome: Outcome) -> None:
        super().__init__(alert_id, f"{outcome.value} is not an outcome a person can choose; choose another one")
        self.outcome = outcome
