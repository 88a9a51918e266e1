"""What the operator is told: which hop, since when, what is known, what to do next. No value and no name of anybody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hearthline_backend.watch.hops import Hop
from hearthline_backend.watch.incident import Occasion


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken hop. ``since`` is when it was last proved to work."""

    hop: Hop
    since: datetime
    words: str
    next_step: str


TITLES: Final = {
    Hop.BROKER: "The broker is not reached.",
    Hop.RECEIPT: "Readings are not stored: a synthetic reading has no receipt.",
    Hop.ALERT: "Readings are stored, but no alert follows from them.",
    Hop.CALLS: "Calls are waiting, and nobody makes them.",
    Hop.SITE: "The web site does not answer.",
    Hop.READY: "A process says that it cannot do its work.",
    Hop.LIVE: "The web site answers, but live events no longer reach it.",
}
NEXT_STEPS: Final = {
    Hop.BROKER: "See whether the broker runs and is reached from here, and its access list and password for us.",
    Hop.RECEIPT: "See whether hearthline serve or work runs and takes readings; /readyz and its log say why not.",
    Hop.ALERT: "See /readyz of every process (due, records) and the log for due_job_failed and due_has_to_wait.",
    Hop.CALLS: "See the log for call_not_delivered and due_job_failed, and whether the mail server is set.",
    Hop.SITE: "See whether hearthline serve and the proxy before it run, and whether site_url is right.",
    Hop.READY: "Do what the check says.",
    Hop.LIVE: "Screens say by themselves that they are not live. See the log for event_bridge.",
}
_SUBJECTS: Final = {
    Occasion.BROKEN: "Hearthline does not work",
    Occasion.STILL_BROKEN: "Hearthline still does not work",
    Occasion.ALSO_BROKEN: "Hearthline: something else does not work either",
    Occasion.GOOD_AGAIN: "Hearthline works again",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A call's content: ``findings`` are those that explain the others, empty when all is good."""

    occasion: Occasion
    began: datetime
    at: datetime
    findings: tuple[Finding, ...] = ()

    @property
    def subject(self) -> str:
        """One line."""
        if not self.findings:
            return _SUBJECTS[self.occasion]
        return f"{_SUBJECTS[self.occasion]}: {', '.join(one.hop.value for one in self.findings)}"

    @property
    def body(self) -> str:
        """The whole story."""
        if not self.findings:
            return (
                f"Every hop works again. Something was broken from {_clock(self.began)} to {_clock(self.at)}.\n"
                "Readings that were measured meanwhile come in by themselves.\n"
            )
        parts = [
            f"{TITLES[one.hop]}\nLast seen to work at {_clock(one.since)}.{' ' if one.words else ''}{one.words}\n"
            f"{one.next_step}\n"
            for one in self.findings
        ]
        return "\n".join([*parts, "Alerts may be late: tell the care teams. You are told when all is good again.\n"])


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
