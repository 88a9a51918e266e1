"""The figures: what is told is what is shown, nothing else, and no label that could name a home or a person."""

import asyncio
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from hearthline_backend.ingest.refusal import Reason
from hearthline_backend.operations.instruments import GroupFacts, Store
from hearthline_backend.operations.loop_lag import measure_loop_lag
from hearthline_backend.operations.metrics import Metrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "docs" / "how-to" / "alert-rules.yml"
LABELS = {"outcome", "status", "reason", "store", "what", "channel", "version", "python"}


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    page, content_type = metrics.page("")
    assert content_type.startswith("text/plain")
    return {
        (sample.name, tuple(text for _, text in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_what_is_told_of_a_group_is_what_is_shown() -> None:
    metrics = Metrics()
    refused = {Reason.NOT_JSON: 2, Reason.UNKNOWN_SENSOR: 1}
    facts = GroupFacts(messages=7, stored=40, repeated=3, judged=41, refused=refused, store_s=0.004, records_s=0.02)
    metrics.settled(facts)
    metrics.received(9)
    metrics.acknowledged(7, 0.3)
    metrics.receipts(sent=1, not_sent=1)
    metrics.store_failed(Store.RECORDS)
    shown = samples(metrics)
    expected = {
        ("hearthline_ingest_messages_total", ()): 9,
        ("hearthline_ingest_acknowledged_messages_total", ()): 7,
        ("hearthline_ingest_lag_seconds_sum", ()): 0.3,
        ("hearthline_ingest_group_messages_sum", ()): 7,
        ("hearthline_ingest_group_readings_sum", ()): 43,
        ("hearthline_ingest_readings_total", ("stored",)): 40,
        ("hearthline_ingest_readings_total", ("repeated",)): 3,
        ("hearthline_ingest_judged_readings_total", ()): 41,
        ("hearthline_ingest_refused_total", ("not_json", "rejected")): 2,
        ("hearthline_ingest_refused_total", ("unknown_sensor", "held")): 1,
        ("hearthline_ingest_receipts_total", ("sent",)): 1,
        ("hearthline_ingest_receipts_total", ("not_sent",)): 1,
        ("hearthline_readings_write_seconds_bucket", ("0.005",)): 1,
        ("hearthline_readings_write_seconds_bucket", ("0.0025",)): 0,
        ("hearthline_records_transaction_seconds_sum", ()): 0.02,
        ("hearthline_store_errors_total", ("records",)): 1,
        ("hearthline_store_errors_total", ("readings",)): 0,
    }
    assert {name: shown[name] for name in expected} == expected


def test_what_can_be_asked_is_asked_at_each_scrape() -> None:
    metrics = Metrics()
    connected, waiting = [True], [4.0]
    metrics.watch_uplink(lambda: connected[0])
    metrics.watch_gate(lambda: waiting[0], lambda: 2.5, lambda: 11.0)
    assert samples(metrics)[("hearthline_uplink_connected", ())] == 1
    connected[0], waiting[0] = False, 0.0
    shown = samples(metrics)
    assert shown[("hearthline_uplink_connected", ())] == 0
    assert shown[("hearthline_ingest_in_hand_messages", ())] == 0
    assert shown[("hearthline_ingest_oldest_unacknowledged_seconds", ())] == 2.5
    assert shown[("hearthline_ingest_queue_messages", ())] == 11


def test_each_process_part_has_a_registry_of_its_own() -> None:
    one, other = Metrics(), Metrics()
    one.received(5)
    assert samples(other)[("hearthline_ingest_messages_total", ())] == 0


def test_every_reason_and_outcome_begins_at_nought() -> None:
    metrics = Metrics()
    metrics.watch_channels(["mail"])
    shown = samples(metrics)
    for reason in Reason:
        assert shown[("hearthline_ingest_refused_total", (reason.value, reason.status.value))] == 0
    for outcome in ("sent", "failed", "unknown"):
        assert shown[("hearthline_notifications_total", ("mail", outcome))] == 0


def test_the_table_names_every_figure_and_no_label_names_a_home_or_a_person() -> None:
    metrics = Metrics()
    families = [family for family in metrics.registry.collect() if family.name.startswith("hearthline_")]
    shown = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert shown == {row.name for row in metrics.rows}
    assert {label for row in metrics.rows for label in row.labels} <= LABELS
    assert all(row.help.endswith(".") for row in metrics.rows)


def test_openmetrics_is_answered_to_who_asks_for_it() -> None:
    page, content_type = Metrics().page("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert page.endswith(b"# EOF\n")


async def test_a_loop_that_is_held_up_is_told() -> None:
    lags: list[float] = []
    told = asyncio.Event()

    def tell(seconds: float) -> None:
        lags.append(seconds)
        told.set()

    task = asyncio.create_task(measure_loop_lag(tell, every_s=0.001))
    async with asyncio.timeout(10):
        await told.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert all(lag >= 0 for lag in lags)


def test_the_alert_rules_ask_for_figures_that_exist() -> None:
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    known = {row.name for row in Metrics().rows} | {
        row.name + suffix
        for row in Metrics().rows
        if row.kind == "histogram"
        for suffix in ("_bucket", "_sum", "_count")
    }
    found = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len(found) > 5
    for rule in found:
        words = "".join(sign if sign.isalnum() or sign == "_" else " " for sign in rule["expr"]).split()
        asked = {word for word in words if word.startswith("hearthline_")}
        assert asked <= known, rule["alert"]
        assert asked or "up{" in rule["expr"], rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["next_step"]


@pytest.mark.parametrize("metric", sorted(row.name for row in Metrics().rows))
def test_a_name_says_its_unit(metric: str) -> None:
    units = ("_total", "_seconds", "_messages", "_readings", "_rows", "_connected", "_overdue", "_info", "_alerts")
    assert metric.endswith(units)
