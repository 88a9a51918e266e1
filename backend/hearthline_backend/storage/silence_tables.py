"""The tables of Records about silence: what is looked at again at a time, what is wrong in homes, who is told of it.

A row of a watch is rewritten in place, so that ten thousand patients with a schedule are ten thousand rows and not two
more each day.
"""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from hearthline_backend.storage import schema
from hearthline_backend.storage.columns import metadata, moment, number_id, to, where

silence_watches = Table(
    "silence_watches",
    metadata,
    Column("patient_id", ForeignKey(schema.patients.c.id), primary_key=True),
    moment("due_at"),  # when the next slot has closed and its grace is over
    Index("ix_silence_watches_due_at", "due_at"),
)

home_watches = Table(
    "home_watches",
    metadata,
    Column("gateway", ForeignKey(schema.gateways.c.name), primary_key=True),
    moment("due_at"),
    Index("ix_home_watches_due_at", "due_at"),
)

digest_watches = Table(
    "digest_watches",
    metadata,
    Column("team_id", ForeignKey(schema.teams.c.id), primary_key=True),
    moment("due_at"),  # the team's next morning
    Index("ix_digest_watches_due_at", "due_at"),
)

intake_spans = Table(
    "intake_spans",
    metadata,
    number_id(),
    moment("since"),
    moment("until"),  # between the two, data of every home could come; grows while it can
    Index("ix_intake_spans_until", "until"),
)

home_alerts = Table(
    "home_alerts",
    metadata,
    number_id(),
    to("gateway", "gateways.name"),
    Column("about", String(30), nullable=False),  # silent_hop, quiet, battery, clock
    Column("meter", String(17), nullable=False),  # its address; empty where it is the home's
    Column("hops", JSON, nullable=False),  # what may be broken, the first hop of the road first
    Column("state", String(20), nullable=False),  # open, acknowledged, closed
    moment("opened_at"),
    moment("since", null=True),
    moment("closed_at", null=True),
    to("owner_id", "users.id", null=True),
    moment("owned_at", null=True),
    Index("ix_home_alerts_gateway_opened_at", "gateway", "opened_at"),
    Index("ux_home_alerts_live", "gateway", "about", "meter", unique=True, **where("closed_at IS NULL")),
)

home_alert_events = Table(
    "home_alert_events",
    metadata,
    number_id(),
    to("home_alert_id", "home_alerts.id", index=True),
    moment("at"),
    Column("what", String(30), nullable=False),  # opened, changed, called, acknowledged, given_back, noted, closed
    to("actor_id", "users.id", null=True),
    Column("detail", JSON, nullable=False),
    Column("note", Text),
)

digests = Table(
    "digests",
    metadata,
    number_id(),
    to("team_id", "teams.id"),
    Column("day", String(10), nullable=False),  # the team's own, ISO 8601
    moment("made_at"),
    Column("red", Integer, nullable=False),
    Column("yellow", Integer, nullable=False),
    Column("no_data", Integer, nullable=False),
    Column("green", Integer, nullable=False),
    Column("reports", Integer, nullable=False, server_default="0"),  # that nobody has confirmed
    UniqueConstraint("team_id", "day"),
)

notices = Table(  # what people are told of that is no patient's alert
    "notices",
    metadata,
    number_id(),
    Column("what", String(20), nullable=False),  # home, digest, report, behind
    to("home_alert_id", "home_alerts.id", null=True, index=True),
    to("digest_id", "digests.id", null=True),
    Column("path", String(200), nullable=False),  # of the view it links to; names nobody
    Column("time_zone", String(60), nullable=False),
    Column("emergency_number", String(20), nullable=False),
    moment("created_at"),
)
