"""Why a patient's plan was not changed, and what to do next."""

from datetime import datetime
from uuid import UUID

from hearthline_backend.errors import HearthlineError


class PlanChangeError(HearthlineError):
    """A plan that was not changed. Nothing was written."""


class NotTheirPatientError(PlanChangeError):
    """The patient is not there, or of no concern to whoever asked."""

    def __init__(self, patient_id: UUID) -> None:
        super().__init__(
            f"there is no patient {patient_id} whose plan is yours to change: only the patient's care team changes it"
        )
        self.patient_id = patient_id


class PlanMovedOnError(PlanChangeError):
    """Somebody else changed the plan meanwhile."""

    def __init__(self, based_on: int, version: int, author: str | None, since: datetime) -> None:
        super().__init__(
            f"the plan is at version {version} by now ({author or 'nobody named'}, {since:%Y-%m-%d %H:%M} UTC), and "
            f"this change was made from version {based_on}: look at the new version, and make the change again"
        )
        self.based_on = based_on
        self.version = version
        self.author = author
        self.since = since


class PlanReasonError(PlanChangeError):
    """A version of a plan says why it was made."""

    def __init__(self, most: int) -> None:
        super().__init__(f"say why the plan is changed, in 1 to {most} characters")
        self.most = most


class NothingChangedError(PlanChangeError):
    """The plan would be what it is."""

    def __init__(self, version: int) -> None:
        super().__init__(f"nothing would change: the plan stays at version {version}")
        self.version = version


class PlanRefusedError(PlanChangeError):
    """The rules would not mean anything; the text says which and what was expected."""


class NothingToTakeBackError(PlanChangeError):
    """This is not the newest version, or the first one."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"version {version} cannot be taken back: it is not the newest one, or there is none before it"
        )
        self.version = version
