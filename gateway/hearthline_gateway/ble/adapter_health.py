"""When an adapter is taken for hung. Pure: what happened and when goes in, what to do comes out.

Real adapters stop without a word: scanning goes on and nothing is ever heard again, or every connection fails. From
inside that looks like a home where nobody measures, so silence alone proves nothing. It is looked into in steps: after
``quiet_s`` without hearing any of the home's meters, everything is listened to for ``probe_s`` (in a town something
answers within a second, and that is the end of it). Only where that is silent too the adapter is reset, at most three
times with growing pauses: a lonely farmhouse must not power-cycle for ever. Then it is reported, and left alone until
something is heard again.
"""

from dataclasses import dataclass, field
from typing import Final

_FAILED_LINKS: Final = 5
"""Links that fail in a row, of more than one meter: one that is carried out of reach makes one or two."""
_FAILED_CALLS: Final = 3
"""Calls in a row that bluetoothd answered with an error of the adapter's, or not at all."""
_SILENT: Final = "hears no device at all"
_NO_ANSWER: Final = "does not answer"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for, in seconds. ``pauses`` are those before each reset after the first; with none left,
    the adapter is given up."""

    quiet_s: float = 600.0
    probe_s: float = 30.0
    pauses: tuple[float, ...] = (1800.0, 7200.0)


@dataclass(slots=True)
class AdapterHealth:
    """One adapter's. All times are those of the event loop's clock."""

    patience: Patience
    quiet_since: float
    silent: bool = False
    """Whether a probe has heard nothing, and nothing was heard since."""
    resets: int = 0
    """Since the process began."""
    reason: str | None = None
    """What the last reset was for; None once it is known to have helped."""
    tries: int = 0
    """Resets since one was last known to have helped."""
    _not_before: float = 0.0
    _failed_links: list[str] = field(default_factory=list)
    _failed_calls: int = 0
    _probed: float = 0.0

    def heard(self, now: float) -> None:
        """Something was heard: it is not deaf."""
        self.quiet_since = now
        self.silent = False
        if self.reason == _SILENT:
            self._relieved()

    def linked(self, now: float) -> None:
        """A connection was made: all is well."""
        self.quiet_since = now
        self.silent = False
        self._failed_links.clear()
        self._relieved()

    def link_failed(self, address: str) -> None:
        """A connection to that meter failed as it does where the adapter is what is broken."""
        self._failed_links.append(address)

    def answered(self) -> None:
        """bluetoothd did what it was asked to do with the adapter."""
        self._failed_calls = 0
        if self.reason == _NO_ANSWER:
            self._relieved()

    def call_failed(self) -> None:
        """bluetoothd could not do with the adapter what it was asked to."""
        self._failed_calls += 1

    def probe_in(self, now: float) -> float:
        """Seconds until everything is to be listened to; 0 when it is time."""
        return max(max(self.quiet_since, self._probed) + self.patience.quiet_s - now, 0.0)

    def probed(self, began: float, now: float) -> None:
        """Everything was listened to from ``began`` on; :meth:`heard` was called if there was anything."""
        self._probed = now
        if self.quiet_since < began:
            self.silent = True

    def reset_for(self, now: float) -> str | None:
        """Why the adapter is to be reset now; None when it is not."""
        if self.given_up or now < self._not_before:
            return None
        return self.complaint

    @property
    def complaint(self) -> str | None:
        """What speaks against the adapter; None while nothing does."""
        if self._failed_calls >= _FAILED_CALLS:
            return _NO_ANSWER
        if self.silent:
            return _SILENT
        failed = len(self._failed_links)
        if failed >= 2 * _FAILED_LINKS or (failed >= _FAILED_LINKS and len(set(self._failed_links)) > 1):
            return "fails to connect"
        return None

    @property
    def given_up(self) -> bool:
        """Whether resetting did not help and is not tried again."""
        return self.tries > len(self.patience.pauses)

    @property
    def escalate(self) -> bool:
        """Whether the gentle way was tried and did not help."""
        return self.tries > 0

    def was_reset(self, now: float) -> None:
        """It was reset; whether that helped is seen from what happens next, and everything is listened to at once."""
        pauses = self.patience.pauses
        self.reason = self.complaint
        self._not_before = now + (pauses[self.tries] if self.tries < len(pauses) else 0.0)
        self.tries += 1
        self.resets += 1
        self._failed_links.clear()
        self._failed_calls = 0
        self.silent = False
        self._probed = now - self.patience.quiet_s

    def _relieved(self) -> None:
        self.reason = None
        self.tries = 0
        self._not_before = 0.0
