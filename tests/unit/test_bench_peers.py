"""What the peers' benchmark writes: configurations that hang together, rows and a section from made-up runs."""

import json
import tomllib
from pathlib import Path

import pytest

from bench.peer_outcome import HEARTHLINE, PeersOutcome, Result
from bench.peer_programs import FIELD, JOINED, Target, peers
from bench.peer_runs import Loss, Speed
from hearthline_protocol import topics


def target(folder: Path) -> Target:
    return Target(folder, 1234, "http://127.0.0.1:8086", "the-bucket")


def outcome(*results: Result, left_out: tuple[str, ...] = ()) -> PeersOutcome:
    return PeersOutcome(results, left_out, away_s=60.0, rate=800.0, quick=False, load=0.1, cores=2)


OURS = Result("Hearthline", HEARTHLINE, Speed(100_000, 5.0, 0, 2.0, 3.0, 1.0), Loss(56_000, 0, 60.0))
THEIRS = Result("Other", "other", Speed(50_000, 4.0, 10_000, 4.0, 1.0, 1.0), Loss(56_000, 1_234, 60.0))


def test_rows_name_each_program_and_set_ours_against_it() -> None:
    rows = {row.name: row.value for row in outcome(OURS, THEIRS).rows()}
    assert rows["hearthline_per_s"] == 20_000
    assert rows["other_per_s"] == 10_000, "what was lost is not counted"
    assert rows["other_cpu_s_per_100k"] == 8.0
    assert rows["other_influxd_cpu_s_per_100k"] == 2.0
    assert rows["other_lost_at_full_speed"] == 10_000
    assert rows["other_lost_while_store_away"] == 1_234
    assert rows["hearthline_to_other_per_s"] == 2.0
    assert rows["hearthline_to_other_cpu"] == 0.25


def test_without_hearthline_there_is_nothing_to_set_against() -> None:
    assert not [row for row in outcome(THEIRS).rows() if row.name.startswith("hearthline")]


def test_text_and_section_say_who_lost_what_and_who_was_left_out() -> None:
    found = outcome(OURS, THEIRS, left_out=("Third: not installed; scripts/peers/third does it",))
    assert "| Other | 10,000 | 8.0 | 2.0 | 10,000 | 1,234 of 56,000 |" in found.as_markdown()
    for text in (found.as_text(), found.as_markdown()):
        assert "killed for 60 s at 800 readings a second" in text
        assert "Third: not installed" in text


@pytest.mark.parametrize(("row", "joined"), [("nodered", False), ("nodered_joined", True)])
def test_the_flow_of_node_red_leads_from_the_broker_to_the_bucket(tmp_path: Path, row: str, joined: bool) -> None:
    peer = next(one for one in peers() if one.row == row)
    peer.command(target(tmp_path))
    nodes = {node["id"]: node for node in json.loads((tmp_path / "flows.json").read_text())}
    way, at = [], "in"
    while True:
        way.append(nodes[at]["type"])
        wires = nodes[at]["wires"]
        if not wires:
            break
        ((at,),) = wires
    assert way == ["mqtt in", "function", *(["join"] if joined else []), "influxdb batch"]
    assert nodes["in"]["topic"] == topics.ALL_READINGS
    assert nodes["write"]["bucket"] == "the-bucket"
    assert not joined or nodes["join"]["count"] == str(JOINED)
    assert nodes[nodes["in"]["broker"]]["port"] == "1234"
    assert json.loads((tmp_path / "flows_cred.json").read_text()).keys() == {nodes["write"]["influxdb"]}


def test_the_configuration_of_telegraf_leads_from_the_broker_to_the_bucket(tmp_path: Path) -> None:
    peer = next(one for one in peers() if one.row == "telegraf")
    peer.command(target(tmp_path))
    config = tomllib.loads((tmp_path / "telegraf.conf").read_text())
    (consumer,) = config["inputs"]["mqtt_consumer"]
    assert (consumer["qos"], consumer["topics"]) == (1, [topics.ALL_READINGS])
    (parser,) = consumer["json_v2"]
    assert FIELD in parser["object"][0]["included_keys"]
    (writer,) = config["outputs"]["influxdb_v2"]
    assert writer["bucket"] == "the-bucket"


def test_every_peer_has_a_recipe() -> None:
    root = Path(__file__).parents[2]
    for peer in peers():
        assert (root / peer.recipe).stat().st_mode & 0o111, peer.recipe
