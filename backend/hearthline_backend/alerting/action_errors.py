"""Why an act on an alert was refused, with data, so that a screen can say it in its own words."""

from datetime import datetime, timedelta
from uuid import UUID

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


class NobodyHasItError(AlertActionError):
    """It cannot be given back: nobody has it."""

    def __init__(self, alert_id: int) -> None:
        super().__init__(alert_id, f"nobody has alert {alert_id}; acknowledge it, or leave it as it is")


class NotAColleagueError(AlertActionError):
    """It can only be given to an active member of the patient's own team."""

    def __init__(self, alert_id: int, colleague_id: UUID) -> None:
        super().__init__(alert_id, f"alert {alert_id} can only be given to somebody of its team; choose another person")
        self.colleague_id = colleague_id


class AlertOverError(AlertActionError):
    """It is resolved or withdrawn."""

    def __init__(self, alert_id: int, state: AlertState, since: datetime | None) -> None:
        super().__init__(alert_id, f"alert {alert_id} is {state.value} already; read its history")
        self.state = state
        self.since = since


class NotOverError(AlertActionError):
    """Only a resolved alert can be opened again."""

    def __init__(self, alert_id: int, state: AlertState) -> None:
        super().__init__(alert_id, f"alert {alert_id} is {state.value}: only a resolved one can be opened again")
        self.state = state


class NothingToUndoError(AlertActionError):
    """Not the last act on the alert, not by this person, or too long ago."""

    def __init__(self, alert_id: int) -> None:
        super().__init__(alert_id, f"the last act on alert {alert_id} can no longer be taken back; act on it anew")


class NoteRequiredError(AlertActionError):
    """This needs words; ``outcome`` is None for anything but resolving."""

    def __init__(self, alert_id: int, outcome: Outcome | None) -> None:
        super().__init__(alert_id, "a note is needed: what was found, and what was done")
        self.outcome = outcome


class NotAnOutcomeError(AlertActionError):
    """An outcome that only the service itself gives."""

    def __init__(self, alert_id: int, outcome: Outcome) -> None:
        super().__init__(alert_id, f"{outcome.value} is not an outcome a person can choose; choose another one")
        self.outcome = outcome


class SnoozeTimeError(AlertActionError):
    """A snooze ends later than now, and not too late."""

    def __init__(self, alert_id: int, until: datetime, longest: timedelta) -> None:
        super().__init__(
            alert_id, f"until {until} is no time to snooze alert {alert_id}: choose one within {longest.days} days"
        )
        self.until = until
        self.longest = longest


class SnoozeOverError(AlertActionError):
    """The snooze has ended already. ``alert_id`` is where it was asked for, 0 where there is no such snooze."""

    def __init__(self, alert_id: int, snooze_id: int) -> None:
        super().__init__(alert_id, f"snooze {snooze_id} has ended already; nothing is held back by it")
        self.snooze_id = snooze_id
