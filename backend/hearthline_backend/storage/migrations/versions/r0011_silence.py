"""Silence: what is looked at again at a time, what is wrong in homes, morning digests, and notices of the last two.

A notification tells of an alert or of a notice, so that its alert may be missing. SQLite can only say so by writing the
table anew.
"""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE: Final = sa.text("closed_at IS NULL")
_AT_ONCE: Final = "'1970-01-01 00:00:00+00:00'"
_AT_ONCE_IN_SQLITE: Final = "'1970-01-01 00:00:00.000000'"


def upgrade() -> None:
    """Add it. Everybody who is there is looked at at once."""
    _watches()
    _home_alerts()
    op.create_table(
        "digests",
        _number_id(),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("red", "yellow", "no_data", "green")),
        _to("digests", "team_id", "teams.id"),
        sa.PrimaryKeyConstraint("id", name="pk_digests"),
        sa.UniqueConstraint("team_id", "day", name="uq_digests_team_id_day"),
    )
    op.create_table(
        "notices",
        _number_id(),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("home_alert_id", _NUMBER, nullable=True),
        sa.Column("digest_id", _NUMBER, nullable=True),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("emergency_number", sa.String(length=20), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        _to("notices", "home_alert_id", "home_alerts.id"),
        _to("notices", "digest_id", "digests.id"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_home_alert_id", "notices", ["home_alert_id"])
    _tell_of_notices()


def downgrade() -> None:
    """Take it away, and what was told of it."""
    op.execute(
        "DELETE FROM attempts WHERE notification_id IN (SELECT id FROM notifications WHERE notice_id IS NOT NULL)"
    )
    op.execute("DELETE FROM notifications WHERE notice_id IS NOT NULL")
    _tell_of_alerts_alone()
    op.drop_index("ix_notices_home_alert_id", table_name="notices")
    op.drop_table("notices")
    op.drop_table("digests")
    op.drop_index("ix_home_alert_events_home_alert_id", table_name="home_alert_events")
    op.drop_table("home_alert_events")
    op.drop_index("ux_home_alerts_live", table_name="home_alerts")
    op.drop_index("ix_home_alerts_gateway_opened_at", table_name="home_alerts")
    op.drop_table("home_alerts")
    op.drop_index("ix_intake_spans_until", table_name="intake_spans")
    op.drop_table("intake_spans")
    for name in ("digest_watches", "home_watches", "silence_watches"):
        op.drop_index(f"ix_{name}_due_at", table_name=name)
        op.drop_table(name)


def _watches() -> None:
    for name, column, kind, target, source in (
        ("silence_watches", "patient_id", sa.Uuid(), "patients.id", "patients"),
        ("home_watches", "gateway", sa.String(length=63), "gateways.name", "gateways"),
        ("digest_watches", "team_id", sa.Uuid(), "teams.id", "teams"),
    ):
        op.create_table(
            name,
            sa.Column(column, kind, nullable=False),
            sa.Column("due_at", _TIME, nullable=False),
            _to(name, column, target),
            sa.PrimaryKeyConstraint(column, name=f"pk_{name}"),
        )
        op.create_index(f"ix_{name}_due_at", name, ["due_at"])
        at_once = _AT_ONCE_IN_SQLITE if _in_sqlite() else _AT_ONCE
        key = target.partition(".")[2]
        op.execute(f"INSERT INTO {name} ({column}, due_at) SELECT {key}, {at_once} FROM {source}")  # noqa: S608
    op.create_table(
        "intake_spans",
        _number_id(),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intake_spans"),
    )
    op.create_index("ix_intake_spans_until", "intake_spans", ["until"])


def _home_alerts() -> None:
    op.create_table(
        "home_alerts",
        _number_id(),
        sa.Column("gateway", sa.String(length=63), nullable=False),
        sa.Column("about", sa.String(length=30), nullable=False),
        sa.Column("meter", sa.String(length=17), nullable=False),
        sa.Column("hops", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("since", _TIME, nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("owned_at", _TIME, nullable=True),
        _to("home_alerts", "gateway", "gateways.name"),
        _to("home_alerts", "owner_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_home_alerts"),
    )
    op.create_index("ix_home_alerts_gateway_opened_at", "home_alerts", ["gateway", "opened_at"])
    op.create_index(
        "ux_home_alerts_live",
        "home_alerts",
        ["gateway", "about", "meter"],
        unique=True,
        postgresql_where=_LIVE,
        sqlite_where=_LIVE,
    )
    op.create_table(
        "home_alert_events",
        _number_id(),
        sa.Column("home_alert_id", _NUMBER, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("what", sa.String(length=30), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        _to("home_alert_events", "home_alert_id", "home_alerts.id"),
        _to("home_alert_events", "actor_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_home_alert_events"),
    )
    op.create_index("ix_home_alert_events_home_alert_id", "home_alert_events", ["home_alert_id"])


def _tell_of_notices() -> None:
    if _in_sqlite():
        _write_anew(nullable=True, more=(sa.Column("notice_id", _NUMBER, nullable=True),))
    else:
        op.alter_column("notifications", "alert_id", nullable=True)
        op.add_column("notifications", sa.Column("notice_id", _NUMBER, nullable=True))
        name = "fk_notifications_notice_id_notices"
        op.create_foreign_key(name, "notifications", "notices", ["notice_id"], ["id"])
    op.create_index("ix_notifications_notice_id", "notifications", ["notice_id"])


def _tell_of_alerts_alone() -> None:
    op.drop_index("ix_notifications_notice_id", table_name="notifications")
    if _in_sqlite():
        _write_anew(nullable=False, less=("notice_id",))
    else:
        op.drop_column("notifications", "notice_id")
        op.alter_column("notifications", "alert_id", nullable=False)


def _write_anew(*, nullable: bool, more: Sequence[sa.Column[Any]] = (), less: Sequence[str] = ()) -> None:
    """The same table, of which the attempts speak: they are checked at the end, when it is back with its rows."""
    connection = op.get_bind()
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    kept = sa.Table("notifications", sa.MetaData(), autoload_with=connection, resolve_fks=False)
    kept.c.alert_id.nullable = nullable
    columns = [one for one in kept.columns if one.name not in less]
    foreign = [
        (key.parent.name, key.target_fullname, str(key.constraint.name))
        for key in kept.foreign_keys
        if key.constraint is not None and key.parent.name not in less
    ]
    foreign += [("notice_id", "notices.id", "fk_notifications_notice_id_notices")] if more else []
    indexes = [(str(one.name), [column.name for column in one.columns]) for one in kept.indexes]
    names = ", ".join(one.name for one in columns)
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE kept AS SELECT {names} FROM notifications")  # noqa: S608
    op.drop_table("notifications")
    op.create_table(
        "notifications",
        *(sa.Column(one.name, one.type, nullable=one.nullable) for one in columns),
        *more,
        *(sa.ForeignKeyConstraint([column], [target], name=name) for column, target, name in sorted(foreign)),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    for name, over in sorted(indexes):
        op.create_index(name, "notifications", over)
    connection.exec_driver_sql(f"INSERT INTO notifications ({names}) SELECT {names} FROM kept")  # noqa: S608
    connection.exec_driver_sql("DROP TABLE kept")


def _number_id() -> sa.Column[Any]:
    return sa.Column("id", _NUMBER, autoincrement=True, nullable=False)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}_{target.partition('.')[0]}")


def _in_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
