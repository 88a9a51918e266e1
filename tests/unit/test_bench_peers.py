"""What the peers' benchmark writes: configurations that hang together, rows and a section from made-up runs; and whom
a quick run leaves out."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from bench import peers as benchmark
from bench.ingest_readings import Load
from bench.peer_outcome import HEARTHLINE, PeersOutcome, Result
from bench.peer_programs import FIELD, JOINED, Target, peers
from bench.peer_runs import FULL, QUICK, RATE, Loss, Plan, Speed, Subject, loss
from hearthline_protocol import topics


def target(folder: Path) -> Target:
    return Target(folder, 1234, "http://127.0.0.1:8086", "the-bucket")


def outcome(*results: Result, left_out: tuple[str, ...] = (), plan: Plan = FULL) -> PeersOutcome:
    return PeersOutcome(results, left_out, plan, load=0.1, cores=2)


OURS = Result("Hearthline", HEARTHLINE, Speed(100_000, 5.0, 0, 2.0, 3.0, 1.0), Loss(56_000, 0))
THEIRS = Result("Other", "other", Speed(50_000, 4.0, 10_000, 4.0, 1.0, 1.0), Loss(56_000, 1_234))


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
    assert rows["other_readings"] == 50_000
    assert rows["other_readings_while_store_away"] == 56_000
    assert (rows["store_away_s"], rows["lost_if_not_there_after_s"]) == (60, 60)


def test_without_hearthline_there_is_nothing_to_set_against() -> None:
    assert not [row for row in outcome(THEIRS).rows() if row.name.startswith("hearthline")]


def test_text_and_section_say_who_lost_what_and_who_was_left_out() -> None:
    found = outcome(OURS, THEIRS, left_out=("Third: not installed; scripts/peers/third does it",))
    assert "| Other | 10,000 | 8.0 | 2.0 | 10,000 of 50,000 | 1,234 of 56,000 |" in found.as_markdown()
    assert "`python -m bench.peers`, " in found.as_markdown()
    assert "lost 10,000 of 50,000 at full speed, 1,234 of 56,000 with its store away" in found.as_text()
    for text in (found.as_text(), found.as_markdown()):
        assert "killed for 60 s at 800 readings a second" in text
        assert "Third: not installed" in text
        assert "reached the store for 60 s is counted as lost" in text
        assert "quick" not in text


def test_a_quick_run_says_how_much_less_it_measured() -> None:
    found = outcome(OURS, THEIRS, plan=QUICK)
    assert "`python -m bench.peers --quick`, " in found.as_markdown()
    for text in (found.as_text(), found.as_markdown()):
        assert "8,000 readings instead of 100,000" in text
        assert "away for 3 s instead of 60" in text
        assert "reached the store for 11 s is counted as lost, also of a program that would have brought it" in text
    rows = {row.name: row.value for row in found.rows()}
    assert (rows["store_away_s"], rows["lost_if_not_there_after_s"]) == (3, 11)


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_the_readings_of_a_plan_suffice_and_last_over_the_outage(plan: Plan) -> None:
    numbers = plan.numbers
    for readings in (2000, plan.readings, plan.under_outage):
        numbers.load(readings, 1)
    assert plan.under_outage / RATE == pytest.approx(plan.before_s + plan.away_s + plan.after_s)
    assert plan.settled_s > 10.2, "Node-RED may wait so long until it tries again"


class KeepsBack:
    """Stand and store of a program that keeps back what it gets during an outage. It brings that at the look
    ``brings_at`` after the store's return, or never."""

    def __init__(self, brings_at: int) -> None:
        self.brings_at, self.points, self.kept_back = brings_at, 0, 0
        self.killed, self.back = asyncio.Event(), asyncio.Event()

    async def publish(self, load: Load, **_: Any) -> None:
        third = load.readings // 3
        self.points += third
        await self.killed.wait()
        self.kept_back = third
        await self.back.wait()
        self.points += load.readings - 2 * third

    async def kill(self) -> None:
        self.killed.set()

    async def start(self) -> None:
        self.back.set()

    async def taken(self) -> float:
        if self.back.is_set():
            self.brings_at -= 1
            if self.brings_at == 0:
                self.points += self.kept_back
        return self.points

    async def stored(self, *_: Any) -> int:
        return self.points


@pytest.mark.parametrize(("brings_at", "settled_s"), [(4, 20.0), (-1, 0.3)], ids=["late", "never"])
async def test_what_comes_late_is_waited_for_and_what_does_not_come_is_lost(brings_at: int, settled_s: float) -> None:
    plan = Plan(0, 0, before_s=0.01, away_s=0.01, after_s=0.01, quiet_s=0.0, settled_s=settled_s)
    fake: Any = KeepsBack(brings_at)
    subject = Subject(cast("Any", None), "bucket", FIELD, receipted=False)
    found = await loss(fake, fake, subject, plan, plan.numbers)
    assert found == Loss(24, 0 if brings_at > 0 else 8)


class Measuring:
    """In place of the programs: none is started, and each has the same figures."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, installed: bool = True) -> None:
        self.readings: dict[str, int] = {}
        known = tuple(replace(peer, installed=lambda: installed) for peer in peers())
        monkeypatch.setattr(benchmark, "peers", lambda: known)
        for name in ("peer_store", "_hearthline", "_peer"):
            monkeypatch.setattr(benchmark, name, self.nothing)
        monkeypatch.setattr(benchmark, "_measured", self.measured)

    @asynccontextmanager
    async def nothing(self, *_: Any) -> AsyncIterator[tuple[None, None]]:
        yield None, None

    async def measured(self, name: str, row: str, *rest: Any) -> Result:
        self.readings[row] = rest[-1]
        return replace(OURS, name=name, row=row)


@pytest.mark.parametrize(
    ("words", "measured"),
    [
        ([], {"hearthline": 100_000, "nodered": 30_000, "nodered_joined": 100_000, "telegraf": 100_000}),
        (["--quick"], {"hearthline": 8_000, "nodered_joined": 8_000, "telegraf": 8_000}),
        (["--quick", "--only", "nodered"], {"nodered": 4_000}),
        (["--quick", "--only", "telegraf"], {"telegraf": 8_000}),
    ],
    ids=" ".join,
)
def test_a_quick_run_leaves_out_what_is_slow_unless_it_is_asked_for(
    words: list[str], measured: dict[str, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring = Measuring(monkeypatch)
    assert benchmark.main(words) == 0
    assert measuring.readings == measured
    left_out = "Node-RED, a message at a time: left out of a quick run; `--only nodered` measures it" in (
        capsys.readouterr().out
    )
    assert left_out == (words == ["--quick"])


def test_json_is_alone_on_the_output_and_who_was_left_out_is_said_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Measuring(monkeypatch)
    assert benchmark.main(["--quick", "--json"]) == 0
    said = capsys.readouterr()
    assert {row["name"] for row in json.loads(said.out)["rows"]} >= {"store_away_s", "telegraf_readings"}
    assert "left out of a quick run" in said.err


def test_where_nothing_was_measured_no_section_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Measuring(monkeypatch, installed=False)
    written: list[str] = []
    monkeypatch.setattr(benchmark, "write_section", lambda _name, text: written.append(text))
    assert benchmark.main(["--only", "telegraf", "--report"]) == 1
    assert "Telegraf: not installed; scripts/peers/telegraf does it" in capsys.readouterr().out
    assert not written
    assert benchmark.main(["--only", "hearthline", "--report"]) == 0
    assert "## Beside other programs" in written[0]


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
