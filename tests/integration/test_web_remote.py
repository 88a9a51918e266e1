"""The technician's card for remote work, without scripts: asking, watching, answering."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hearthline_backend.remote.answers import keep_answers
from hearthline_protocol import topics
from hearthline_protocol.commands import Answer, Command, CommandReply, FoundMeter, Pair, Scan, Unpair
from tests.browser.ward import Ward
from tests.browser.ward_filling import open_ward
from tests.integration.web_visitor import Visitor, visitor

CUFF = "F0:F1:00:00:18:10"
CARD = "/homes/0417/remote"


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_ward(tmp_path) as opened:
        yield opened


@pytest.fixture
async def technician(ward: Ward) -> AsyncIterator[Visitor]:
    async with visitor(ward) as client:
        await client.sign_in("technician")
        yield client


def sent(ward: Ward) -> list[Command]:
    return [
        Command.model_validate_json(body) for topic, body, _ in ward.uplink.published if topic.endswith("/commands")
    ]


async def say(ward: Ward, to: UUID, number: int, state: str, **more: object) -> None:
    content = {"command": to, "number": number, "state": state, "message": "Listening.", "time": ward.clock(), **more}
    body = CommandReply.model_validate(content).model_dump_json().encode()
    gateway = next(topic.split("/")[2] for topic, _, _ in ward.uplink.published)
    message = ward.uplink.put(topics.command_replies(gateway), body)
    async with ward.records.begin() as unit:
        await keep_answers(unit, [(gateway, message)], ward.clock())


async def test_a_search_is_asked_watched_and_ends_in_a_pairing(ward: Ward, technician: Visitor) -> None:
    assert "Find a meter" in await (await technician.get("/homes/0417")).text()
    answer = await technician.post("/homes/0417/ask", do="scan")
    assert (answer.status, answer.headers["Location"]) == (303, "/homes/0417#remote")
    (command,) = sent(ward)
    assert isinstance(command.work, Scan)
    await say(ward, command.id, 0, "running", progress=0.25)
    text = await (await technician.get(CARD)).text()
    assert 'value="25"' in text
    assert "Under way" in text
    near = FoundMeter(
        address=CUFF, device="cuff", title="A cuff", model="and-ua-651ble", signal_dbm=-48, pairing=True,
        steps=("Hold START until the display shows Pr.",),
    )  # fmt: skip
    far = FoundMeter(address="C0:00:00:00:00:09", device="scale", candidates=("one", "two"), signal_dbm=-88)
    await say(ward, command.id, 1, "done", found=[near.model_dump(), far.model_dump()])
    text = await (await technician.get(CARD)).text()
    assert text.index("A cuff") < text.index("C0:00:00:00:00:09")
    for words in ("In pairing mode", "Hold START until", "−48\xa0dBm, good", "<option>two</option>"):
        assert words in text, words
    await technician.post("/homes/0417/ask", do="pair", address=CUFF, model="and-ua-651ble")
    assert sent(ward)[1].work == Pair(address=CUFF, model="and-ua-651ble")


async def test_a_meter_s_question_is_answered_with_digits(ward: Ward, technician: Visitor) -> None:
    await technician.post("/homes/0417/ask", do="pair", address=CUFF, model="beurer-bm85")
    command = sent(ward)[0]
    await say(ward, command.id, 0, "asks", question={"kind": "enter_passkey"})
    text = await (await technician.get(CARD)).text()
    assert "Digits on the meter" in text
    wrong = await technician.post("/homes/0417/answer", to=str(command.id), passkey="12 ab")
    assert wrong.status == 422
    assert "Type the six digits" in await wrong.text()
    assert len(sent(ward)) == 1
    right = await technician.post("/homes/0417/answer", to=str(command.id), passkey="042 137")
    assert right.status == 303
    assert sent(ward)[1].work == Answer(to=command.id, passkey=42137)
    assert "042" not in await (await technician.get(CARD)).text()


async def test_digits_are_compared(ward: Ward, technician: Visitor) -> None:
    await technician.post("/homes/0417/ask", do="pair", address=CUFF, model="beurer-bm85")
    command = sent(ward)[0]
    await say(ward, command.id, 0, "asks", question={"kind": "compare", "digits": "123456"})
    assert "123 456" in await (await technician.get(CARD)).text()
    await technician.post("/homes/0417/answer", to=str(command.id), confirmed="no")
    assert sent(ward)[1].work == Answer(to=command.id, confirmed=False)


async def test_a_meter_is_removed(ward: Ward, technician: Visitor) -> None:
    await technician.post("/homes/0417/ask", do="unpair", address=CUFF)
    assert sent(ward)[0].work == Unpair(address=CUFF)


@pytest.mark.parametrize(
    "fields",
    [{}, {"do": "dance"}, {"do": "pair"}, {"do": "pair", "address": "x", "model": "y"}, {"do": "answer", "to": "x"}],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_sent(
    ward: Ward, technician: Visitor, fields: dict[str, Any]
) -> None:
    assert (await technician.post("/homes/0417/ask", **fields)).status == 400
    assert sent(ward) == []


async def test_without_a_broker_nothing_is_said_to_be_sent(ward: Ward, technician: Visitor) -> None:
    ward.uplink.connected = False
    answer = await technician.post("/homes/0417/ask", do="collect")
    assert answer.status == 503
    assert "Nothing was sent: the broker is not reached." in await answer.text()


async def test_a_gateway_that_does_not_answer_is_said_to_be_offline(ward: Ward, technician: Visitor) -> None:
    await technician.post("/homes/0417/ask", do="identify")
    assert "The gateway is offline. It is done only if" in await (await technician.get(CARD)).text()
    ward.clock.now = sent(ward)[0].expires_time.replace(microsecond=999_999)
    assert "The gateway did not answer: it is offline." in await (await technician.get(CARD)).text()


@pytest.mark.parametrize(("role", "status"), [("nurse", 403), ("patient", 403), ("stranger", 403)])
async def test_only_technicians_ask(ward: Ward, role: str, status: int) -> None:
    async with visitor(ward) as client:
        await client.sign_in(role)
        assert (await client.post("/homes/0417/ask", do="restart")).status == status
        assert (await client.post("/homes/0417/answer", to="x")).status == status
    assert sent(ward) == []
