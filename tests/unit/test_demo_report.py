import json

from hearthline_simulator.demo.chain import HOPS, Hop
from hearthline_simulator.demo.report import Report


def whole() -> Report:
    report = Report(stored=1, alerts=1, mail=1, webhook=1)
    for number, hop in enumerate(HOPS):
        report.passed(hop, number + 0.12345, f"evidence of {hop}")
    return report


def test_the_json_has_exactly_the_promised_shape() -> None:
    content = json.loads(whole().as_json())
    assert list(content) == ["ok", "hops", "stored", "alerts", "notifications", "quarantined"]
    assert content["ok"] is True
    assert [hop["name"] for hop in content["hops"]] == [
        "decoded",
        "outbox",
        "published",
        "stored",
        "receipted",
        "judged",
        "alert",
        "mail",
        "webhook",
        "visible",
        "acknowledged",
    ]
    assert content["hops"][1] == {"name": "outbox", "ok": True, "at_s": 1.123, "evidence": "evidence of outbox"}
    assert content["notifications"] == {"mail": 1, "webhook": 1}


def test_a_break_names_the_first_hop_without_a_result_and_leaves_none_out() -> None:
    report = Report()
    report.passed(Hop.DECODED, 1, "seen")
    report.break_at("the broker is gone")
    assert not report.ok
    assert report.complete
    assert report.first_failure is Hop.OUTBOX
    content = json.loads(report.as_json())
    assert content["hops"][1]["evidence"] == "the broker is gone"
    assert content["hops"][1]["at_s"] is None
    assert all("outbox failed" in hop["evidence"] for hop in content["hops"][2:])


def test_every_hop_seen_is_not_ok_when_one_of_them_is_spoiled() -> None:
    report = whole()
    report.alerts = 2
    report.spoil(Hop.ALERT, "one reading made 2 alerts")
    assert not report.ok
    assert report.first_failure is Hop.ALERT
    assert "The chain broke at: alert." in report.as_table()


def test_a_break_after_the_last_hop_spoils_it() -> None:
    report = whole()
    report.break_at("the counts cannot be read")
    assert report.first_failure is Hop.ACKNOWLEDGED


def test_the_same_reason_is_told_once() -> None:
    report = Report()
    report.failed(Hop.STORED, "backend: ended\nwith a long log")
    report.failed(Hop.RECEIPTED, "backend: ended\nwith a long log")
    assert report.hops[1].evidence == "for the same reason as stored"


def test_a_missing_hop_is_not_ok() -> None:
    report = whole()
    report.hops.pop()
    assert not report.ok


def test_the_table_has_a_line_for_each_hop() -> None:
    table = whole().as_table()
    assert all(any(line.startswith(f" {hop}") for line in table.splitlines()) for hop in HOPS)
    assert table.endswith("Every hop has its evidence.")
