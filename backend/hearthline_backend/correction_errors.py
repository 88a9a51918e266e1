"""Why a correction was refused, as a sentence for the command line and a type for the screen. Nothing has changed."""

from datetime import datetime
from uuid import UUID

from hearthline_backend.errors import HearthlineError


class CorrectionError(HearthlineError):
    """A correction that was refused."""

    def __init__(self, reading_id: UUID, message: str) -> None:
        super().__init__(message)
        self.reading_id = reading_id


class NoSuchReadingError(CorrectionError):
    """It is not there, or is another team's: a screen shows the same for both."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, f"no reading {reading_id} is stored; hearthline whose list shows those that wait")


class NotWaitingError(CorrectionError):
    """Nobody has to say whose it is."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, f"no reading {reading_id} waits; hearthline whose list shows those that do")


class AlreadyClaimedError(CorrectionError):
    """Somebody has said whose it is already; that is taken back first. ``initials`` is empty for the command line."""

    def __init__(self, reading_id: UUID, initials: str, at: datetime) -> None:
        who = initials or "somebody at the command line"
        super().__init__(reading_id, f"{who} has said whose reading {reading_id} is; take that back first")
        self.initials = initials
        self.at = at


class NotACandidateError(CorrectionError):
    """It cannot be this patient's: not in the team, or nothing connects the patient with the meter."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, "no patient of this team has this id; hearthline patient list shows them")


class NothingToTakeBackError(CorrectionError):
    """Nobody has said whose it is, or that was taken back already."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, f"nobody has said whose reading {reading_id} is; there is nothing to take back")


class InErrorError(CorrectionError):
    """It was entered in error and counts nowhere."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, f"reading {reading_id} was entered in error; restore it first")


class ImpossibleTimeError(CorrectionError):
    """Nobody can have measured it then."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, "a reading was measured in or after 2000, and not in the future; give such a time")


class ReasonMissingError(CorrectionError):
    """Without a reason nobody will understand it later."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, "say why in up to 300 characters; it stays with the reading")


class BeingDoneError(CorrectionError):
    """An earlier correction of the same reading is written down and not done yet."""

    def __init__(self, reading_id: UUID) -> None:
        super().__init__(reading_id, f"an earlier correction of reading {reading_id} is being done; try in a minute")
