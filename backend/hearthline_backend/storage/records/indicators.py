"""The facts of alerts and reports that indicators are made of, in one query each for either engine."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.indicators import AlertFact, ReportFact
from hearthline_backend.storage.records.alerts import AlertState, Happened, Outcome
from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.silence import MISSING
from hearthline_backend.storage.report_tables import reports
from hearthline_backend.storage.schema import alert_events, alerts, notifications

_SAID = (Outcome.TRUE, Outcome.FALSE_ALARM, Outcome.MEASUREMENT_ERROR)
"""What says whether it was true. "Known" and "other" do not, nor does a yellow that closed by itself."""


class IndicatorFacts:
    """Reads, and changes nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def alerts(self, patients: Collection[UUID], start: datetime, end: datetime) -> list[AlertFact]:
        """Alerts of these patients that opened from ``start`` to before ``end``; none that later data withdrew, and
        none about a missing measurement of which the team was never told."""
        first = {
            what: func.min(case((alert_events.c.what == what.value, alert_events.c.at)))
            for what in (Happened.ACKNOWLEDGED, Happened.ESCALATED)
        }
        told = exists().where(notifications.c.alert_id == alerts.c.id)
        query = (
            select(
                alerts.c.opened_at,
                alerts.c.outcome,
                first[Happened.ACKNOWLEDGED].label("acknowledged_at"),
                first[Happened.ESCALATED].label("escalated_at"),
            )
            .join_from(alerts, alert_events, alert_events.c.alert_id == alerts.c.id, isouter=True)
            .where(
                among(self._connection, alerts.c.patient_id, patients),
                alerts.c.opened_at >= start,
                alerts.c.opened_at < end,
                alerts.c.state != AlertState.WITHDRAWN.value,
                or_(~alerts.c.rule_id.startswith(MISSING), told),
            )
            .group_by(alerts.c.id, alerts.c.opened_at, alerts.c.outcome)
            .order_by(alerts.c.opened_at, alerts.c.id)
        )
        rows = await self._connection.execute(query)
        return [AlertFact(row.opened_at, row.acknowledged_at, row.escalated_at, _true(row.outcome)) for row in rows]

    async def reports(self, patients: Collection[UUID], start: datetime, end: datetime) -> list[ReportFact]:
        """Extraordinary reports about these patients made from ``start`` to before ``end``; none that later data
        withdrew."""
        query = select(reports.c.made_at, reports.c.confirm_by, reports.c.confirmed_at).where(
            among(self._connection, reports.c.patient_id, patients),
            reports.c.made_at >= start,
            reports.c.made_at < end,
            reports.c.withdrawn_at.is_(None),
        )
        rows = await self._connection.execute(query.order_by(reports.c.made_at, reports.c.id))
        return [ReportFact(row.made_at, row.confirm_by, row.confirmed_at) for row in rows]


def _true(outcome: str | None) -> bool | None:
    return None if outcome is None or Outcome(outcome) not in _SAID else outcome == Outcome.TRUE.value
