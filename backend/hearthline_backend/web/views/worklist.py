"""The worklist: who needs somebody, in the order in which to look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hearthline_backend.domain.schedule import PatientStatus
from hearthline_backend.storage.records.alerts import AlertState
from hearthline_backend.web.figures import kind_name
from hearthline_backend.web.language import _, n_
from hearthline_backend.web.views.facts import PatientFacts, untaken_reds
from hearthline_backend.web.views.worklist_row import CalmLine, Row, calm_line

GROUPS: Final = (PatientStatus.RED, PatientStatus.YELLOW, PatientStatus.NO_DATA, PatientStatus.GREEN)
"""The order of the worklist."""

MARKS: Final[Mapping[PatientStatus, str]] = {
    PatientStatus.RED: "red",
    PatientStatus.YELLOW: "yellow",
    PatientStatus.NO_DATA: "none",
    PatientStatus.GREEN: "green",
}
"""The mark of each status, as the style sheet calls it."""

GREEN_SHOWN: Final = 4
"""Green lines before "Show the other …"."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter with its count."""

    name: str
    text: str
    count: int
    mark: str | None
    here: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One level of the list."""

    mark: str
    title: str
    note: str
    rows: tuple[Row, ...]
    lines: tuple[CalmLine, ...] = ()
    more: tuple[CalmLine, ...] = ()
    more_text: str = ""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What came since the list was loaded and waits to be shown."""

    count: int
    since: str
    what: str
    said: str


@dataclass(frozen=True, slots=True)
class Headline:
    """What the page says on top."""

    over: str
    h1: str
    title: str
    chips: tuple[Chip, ...]


def status_name(status: PatientStatus) -> str:
    """The word beside the mark."""
    return {
        PatientStatus.RED: _("Red"),
        PatientStatus.YELLOW: _("Yellow"),
        PatientStatus.NO_DATA: _("No data"),
        PatientStatus.GREEN: _("Green"),
    }[status]


def order(facts: PatientFacts) -> tuple[int, bool, datetime]:
    """Red, yellow, no data, green; then what nobody has; then the oldest."""
    worst = facts.worst
    if worst is not None:
        return GROUPS.index(facts.status), not facts.untaken(worst), worst.alert.opened_at
    if facts.missing:
        silent = min((one.last or facts.patient.enrolled_at for one in facts.missing), default=facts.now)
        return GROUPS.index(facts.status), False, silent
    if facts.reports:
        return GROUPS.index(facts.status), False, facts.now - timedelta(days=7300)
    newest = facts.newest
    # Green: the newest reading first, so that the oldest silence is at the end where nobody has to look.
    age = facts.now - newest.reading.effective_time if newest is not None else timedelta(days=3650)
    return GROUPS.index(facts.status), False, facts.now - timedelta(days=3650) + age


def is_mine(facts: PatientFacts, viewer: UUID) -> bool:
    """Whether the viewer has one of the patient's alerts."""
    return any(one.alert.owner_id == viewer and one.alert.state is AlertState.ACKNOWLEDGED for one in facts.alerts)


def headline(everybody: Sequence[PatientFacts], team: str, viewer: UUID, show: str) -> Headline:
    """The answer, and the filters with their counts."""
    counts = {status: sum(facts.status is status for facts in everybody) for status in GROUPS}
    mine = sum(is_mine(facts, viewer) for facts in everybody)
    untaken = untaken_reds(everybody)
    chips = [Chip("all", _("All"), len(everybody), None, show == "all")]
    chips += [
        Chip(MARKS[status], status_name(status), counts[status], MARKS[status], show == MARKS[status])
        for status in GROUPS
    ]
    chips.append(Chip("mine", _("Mine"), mine, None, show == "mine"))
    title = f"({untaken}) {_('Worklist')}" if untaken else _("Worklist")
    patients = n_("{n} patient", "{n} patients", len(everybody)).format(n=len(everybody))
    over = _("Worklist, {team}, {patients}").format(team=team, patients=patients)
    return Headline(over, _answer(everybody, counts, untaken), title, tuple(chips))


def _answer(everybody: Sequence[PatientFacts], counts: Mapping[PatientStatus, int], untaken: int) -> str:
    if untaken:
        return n_("{n} red alert has nobody yet", "{n} red alerts have nobody yet", untaken).format(n=untaken)
    if counts[PatientStatus.RED]:
        return n_(
            "{n} red alert, somebody has it", "{n} red alerts, somebody has each", counts[PatientStatus.RED]
        ).format(n=counts[PatientStatus.RED])
    if counts[PatientStatus.YELLOW]:
        n = counts[PatientStatus.YELLOW]
        return n_("No red, {n} patient is yellow", "No red, {n} patients are yellow", n).format(n=n)
    if counts[PatientStatus.NO_DATA]:
        n = counts[PatientStatus.NO_DATA]
        return n_("No alert, but {n} patient is silent", "No alert, but {n} patients are silent", n).format(n=n)
    unread = sum(bool(facts.reports) for facts in everybody)
    if unread:
        return n_(
            "No alert, but {n} report is not confirmed", "No alert, but {n} reports are not confirmed", unread
        ).format(n=unread)
    if not everybody:
        return _("Nobody is enrolled yet")
    return n_("Your {n} patient is green", "All {n} patients are green", len(everybody)).format(n=len(everybody))


def visible(everybody: Sequence[PatientFacts], show: str, viewer: UUID, find: str) -> list[PatientFacts]:
    """Those a filter and a search leave, in the worklist's order. Names are searched from the start of their words."""
    left = sorted(everybody, key=order)
    if show == "mine":
        left = [facts for facts in left if is_mine(facts, viewer)]
    elif show != "all":
        left = [facts for facts in left if MARKS[facts.status] == show]
    wanted = find.casefold().split()
    if wanted:
        left = [
            facts for facts in left if all(any(word.startswith(part) for word in _name_words(facts)) for part in wanted)
        ]
    return left


def _name_words(facts: PatientFacts) -> list[str]:
    return f"{facts.patient.given_name} {facts.patient.family_name}".casefold().split()


def groups(shown: Sequence[PatientFacts], rows: Mapping[UUID, Row], *, unfold: bool) -> tuple[Group, ...]:
    """The list itself. ``unfold`` shows every green patient, as after a search."""
    found = []
    for status in GROUPS:
        its = [facts for facts in shown if facts.status is status]
        if its:
            found.append(_group(status, its, rows, unfold))
    return tuple(found)


def _group(status: PatientStatus, its: list[PatientFacts], rows: Mapping[UUID, Row], unfold: bool) -> Group:
    mark, title = MARKS[status], status_name(status)
    if status is PatientStatus.GREEN:
        lines = tuple(calm_line(facts) for facts in its)
        note = n_(
            "{n} patient, everything due has arrived and is in range",
            "{n} patients, everything due has arrived and is in range",
            len(its),
        ).format(n=len(its))
        unread = sum(bool(facts.reports) for facts in its)  # these come first, and are never folded away
        cut = len(lines) if unfold or len(lines) <= GREEN_SHOWN + 1 else max(GREEN_SHOWN, unread)
        rest = len(lines) - cut
        more = n_("Show the other {n}", "Show the other {n}", rest).format(n=rest)
        return Group(mark, title, note, (), lines[:cut], lines[cut:], more)
    return Group(mark, title, _note(status, its), tuple(rows[facts.patient.id] for facts in its))


def _note(status: PatientStatus, its: list[PatientFacts]) -> str:
    patients = n_("{n} patient", "{n} patients", len(its)).format(n=len(its))
    if status is PatientStatus.NO_DATA:
        return f"{patients}. {_('Silence is not good news.')}"
    untaken = sum(facts.worst is not None and facts.untaken(facts.worst) for facts in its)
    if status is PatientStatus.RED and untaken:
        taken = _("{n} not taken. A solid mark means nobody has it yet.").format(n=untaken)
        return f"{patients}, {taken}"
    return _("{patients}, {n} not taken").format(patients=patients, n=untaken) if untaken else patients


def seen_of(shown: Sequence[PatientFacts]) -> str:
    """What a page shows, short enough to send back: which patients stand in which group, and under which alert."""
    return ",".join(
        f"{facts.patient.id.hex[:12]}{MARKS[facts.status][0]}"
        for facts in shown
        if facts.status is not PatientStatus.GREEN
    )


def fresh(everybody: Sequence[PatientFacts], seen: str, since: str) -> Fresh | None:
    """Patients who stand worse now than when the page was loaded; None where nobody does."""
    before = {part[:-1]: part[-1] for part in seen.split(",") if len(part) == 13}
    ranks = {mark[0]: index for index, mark in enumerate(MARKS.values())}
    worse = [
        facts
        for facts in everybody
        if GROUPS.index(facts.status) < ranks.get(before.get(facts.patient.id.hex[:12], "g"), 3)
    ]
    if not worse:
        return None
    first = min(worse, key=order)
    about = kind_name(first.worst.alert.kind) if first.worst is not None else kind_name(first.missing[0].kind)
    what = _("{level}, {name}, {about}.").format(
        level=status_name(first.status).lower(), name=first.patient.given_name, about=about.lower()
    )
    said = n_("{n} new, the worst is {level}.", "{n} new, the worst is {level}.", len(worse)).format(
        n=len(worse), level=status_name(first.status).lower()
    )
    return Fresh(len(worse), since, what, said)
