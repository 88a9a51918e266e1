"""Which alert holds which episode: pure. Episodes are recomputed, alerts are history and only move forward."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hearthline_backend.domain.episodes import Episode
from hearthline_backend.storage.records.alerts import Alert, AlertState


@dataclass(frozen=True, slots=True)
class Known:
    """An alert with the readings linked to it."""

    alert: Alert
    readings: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Held:
    """``known`` holds ``episodes``, oldest first; None where nothing holds one yet: it is new.

    ``merged`` are live alerts that a late reading made part of this one. ``begins`` and ``ends`` say that the first or
    last reading of the alert lies where the episodes are exact: they are all there is to say of where it begins, or of
    where it ends and how it stands then.
    """

    known: Known | None
    episodes: tuple[Episode, ...]
    merged: tuple[Known, ...] = ()
    begins: bool = False
    ends: bool = False

    @property
    def whole(self) -> bool:
        """Whether all of the alert lies there."""
        return self.begins and self.ends


@dataclass(frozen=True, slots=True)
class Matching:
    """``withdrawn`` are live alerts that no reading supports any more."""

    held: tuple[Held, ...]
    withdrawn: tuple[Known, ...]


def match(episodes: Iterable[Episode], known: Sequence[Known], start: datetime, end: datetime) -> Matching:
    """Match by shared readings. ``start`` to ``end`` is where the episodes are exact, however the window was cut.

    Of several alerts in one episode the earliest live one holds it, else the earliest: what somebody has resolved does
    not swallow what nobody has looked at yet.
    """
    episodes = tuple(episodes)
    relevant = [episode for episode in episodes if episode.last_time >= start and episode.first_time <= end]
    held: dict[int, list[Episode]] = {}
    merged: dict[int, list[Known]] = {}
    fresh: list[Held] = []
    for episode in relevant:
        sharing = [one for one in known if not one.readings.isdisjoint(episode.readings)]
        if not sharing:
            fresh.append(Held(None, (episode,)))
            continue
        # An alert also rests on readings of an earlier episode, as evidence: it is at home where it was opened.
        holder = min(sharing, key=lambda one: _standing(one, one.alert.episode in episode.readings))
        held.setdefault(holder.alert.id, []).append(episode)
        others = [
            one
            for one in sharing
            if one is not holder
            and one.alert.state.live
            and holder.alert.state.live
            and (one.alert.episode in episode.readings or _homeless(one, episodes, start, end))
        ]
        merged.setdefault(holder.alert.id, []).extend(others)
    by_id = {one.alert.id: one for one in known}
    holding = [
        Held(
            by_id[one],
            tuple(parts),
            tuple(merged.get(one, ())),
            begins=start <= by_id[one].alert.effective_time <= end,
            ends=start <= by_id[one].alert.last_effective_time <= end,
        )
        for one, parts in held.items()
    ]
    supported = set(held) | {one.alert.id for parts in merged.values() for one in parts}
    return Matching((*holding, *fresh), tuple(one for one in known if _voided(one, supported, relevant, start, end)))


def _standing(one: Known, at_home: bool) -> tuple[bool, bool, bool, datetime, int]:
    alert = one.alert
    return (not alert.state.live, alert.state is AlertState.WITHDRAWN, not at_home, alert.effective_time, alert.id)


def _homeless(one: Known, episodes: Sequence[Episode], start: datetime, end: datetime) -> bool:
    """Whether the reading that opened the alert opens nothing any more, as far as can be seen from here."""
    return start <= one.alert.effective_time <= end and all(one.alert.episode not in each.readings for each in episodes)


def _voided(one: Known, supported: set[int], episodes: Sequence[Episode], start: datetime, end: datetime) -> bool:
    if one.alert.id in supported or not one.alert.state.live:
        return False
    if not _inside(one.alert, start, end):
        return False
    return all(one.readings.isdisjoint(episode.readings) for episode in episodes)


def _inside(alert: Alert, start: datetime, end: datetime) -> bool:
    return alert.effective_time >= start and alert.last_effective_time <= end
