"""The command as its user runs it: a real process, a real broker, real signals."""

import asyncio
import json
import os
import random
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthline_gateway.normalize import normalize
from hearthline_gateway.outbox.store import Outbox
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.cuff_frames import cuff_frame
from tests.fixtures.receipt_backend import ReceiptBackend, silent

RUN_MAIN = ("-c", "from hearthline_gateway.cli import main; main()")
CUFF = "00BA0070008900"  # 186/112, mean 137 mmHg


async def command(
    *words: str, stdin: bytes = b"", environment: dict[str, str] | None = None, before: str = ""
) -> tuple[int, str, str]:
    """Run the command to its end: exit code, output, errors."""
    run_main = (RUN_MAIN[0], before + RUN_MAIN[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *run_main,
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_clean_environment() | (environment or {}),
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


def _seconds_of_children() -> float:
    """Processor time, since on a busy machine the clock on the wall measures the neighbours."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _clean_environment() -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHLINE_")}
    return mine | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}


class RunningGateway:
    """``hearthline-gateway run`` as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, object]] = []

    async def said(self, event: str) -> dict[str, object]:
        """Wait until it logged the event."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while line := await self.process.stderr.readline():
                self.log.append(json.loads(line))
                if self.log[-1]["event"] == event:
                    return self.log[-1]
        raise AssertionError(f"it ended without {event}: {self.log}")

    async def ended_by(self, number: signal.Signals) -> int:
        """Send the signal and wait for the end."""
        self.process.send_signal(number)
        async with asyncio.timeout(20):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[RunningGateway]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *RUN_MAIN,
        "run",
        "--config",
        str(config),
        stderr=asyncio.subprocess.PIPE,
        env=_clean_environment(),
    )
    try:
        yield RunningGateway(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    async with running_broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, broker: Broker) -> Path:
    file = tmp_path / "gateway.toml"
    file.write_text(
        '[gateway]\nname = "home-1"\ntime_zone = "Europe/Madrid"\ndata_dir = "data"\ntrust_clock = true\n'
        f'[mqtt]\nurl = "{broker.url}"\n'
        '[[meters]]\naddress = "A4:C1:38:01:02:03"\nmodel = "generic-blood-pressure"\n'
    )
    return file


async def fill(config: Path, *numbers: int) -> None:
    async with Outbox(config.parent / "data" / "outbox.sqlite3") as outbox:
        for number in numbers:
            frame = cuff_frame(number)
            await outbox.keep(frame, normalize(frame, zone=ZoneInfo("Europe/Madrid")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_run_empties_the_outbox_and_ends_cleanly(broker: Broker, config: Path, number: signal.Signals) -> None:
    await fill(config, 0, 1)
    async with Outbox(config.parent / "data" / "outbox.sqlite3") as outbox:
        await outbox.keep_raw(cuff_frame(2, first=True))
    async with ReceiptBackend(broker.port) as backend, gateway(config) as running:
        await running.said("receipt")
        assert len(set(backend.ids)) == 3
        await backend.until(
            lambda: any(status.outbox and status.outbox.pending == 0 for _, status, _ in backend.statuses)
        )
        online = backend.statuses[-1][1]
        assert (online.state, [meter.address for meter in online.meters]) == ("online", ["A4:C1:38:01:02:03"])
        assert "systemctl start dbus" in (online.adapter or ""), "this home has no Bluetooth, and says what to do"
        assert await running.ended_by(number) == 0
        await backend.until(lambda: backend.statuses and backend.statuses[-1][1].state == "offline")
        assert backend.statuses[-1][1].sent_time is not None, "it said so itself, not its last will"
    code, output, _ = await command("outbox", "--config", str(config))
    assert code == 0
    assert [line.split()[:2] for line in output.splitlines()[:4]] == [
        ["pending", "0"],
        ["stored", "3"],
        ["held", "0"],
        ["rejected", "0"],
    ]
    assert "waiting for time 0" in output
    assert "disk free bytes" in output
    assert "186" not in output


async def test_killed_with_a_message_under_way_it_sends_it_again(broker: Broker, config: Path) -> None:
    await fill(config, 0)
    async with ReceiptBackend(broker.port, answer=silent) as backend:
        async with gateway(config) as running:
            await backend.until(lambda: backend.batches)
            assert await running.ended_by(signal.SIGKILL) == -signal.SIGKILL
        await backend.until(lambda: backend.statuses and backend.statuses[-1][1].state == "offline")
        assert backend.statuses[-1][1].sent_time is None, "the broker said it: the last will"
        async with gateway(config) as running:
            await backend.until(lambda: len(backend.batches) == 2)
            assert await running.ended_by(signal.SIGTERM) == 0
        first, second = backend.batches
        assert first.ids == second.ids


async def test_it_keeps_trying_while_the_broker_is_away(broker: Broker, config: Path) -> None:
    await fill(config, 0)
    await broker.kill()
    async with gateway(config) as running:
        down = await running.said("uplink_down")
        assert "nothing listens there" in str(down["reason"])
        await broker.start()
        async with ReceiptBackend(broker.port) as backend:
            await running.said("uplink_connected")
            await backend.until(lambda: backend.batches)
        assert await running.ended_by(signal.SIGTERM) == 0


async def test_help_is_quick_and_imports_nothing_heavy() -> None:
    before = _seconds_of_children()
    code, output, _ = await command("--help")
    assert code == 0
    assert _seconds_of_children() - before < 0.4
    assert all(word in output for word in ("run", "decode", "check-config", "outbox", "--version"))
    _, loaded, _ = await command(
        "--version", before="import atexit, sys; atexit.register(lambda: print(*sys.modules)); "
    )
    assert {"paho", "bleak", "dbus_fast", "pydantic", "structlog", "rich"} & set(loaded.split()) == set()


async def test_completion_of_the_shell() -> None:
    completing = {
        "_HEARTHLINE_GATEWAY_COMPLETE": "complete_bash",
        "COMP_WORDS": "hearthline-gateway un",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "hearthline-gateway un",
    }
    main = "import sys; sys.argv[0] = 'hearthline-gateway'; "
    _, output, _ = await command(environment=completing, before=main)
    assert output.split() == ["unpair"]


async def test_version() -> None:
    code, output, _ = await command("--version")
    assert (code, output.count(".")) == (0, 2)


async def test_decode_prints_one_object() -> None:
    code, output, errors = await command("decode", "2A35", CUFF)
    assert (code, errors) == (0, "")
    answer = json.loads(output)
    assert answer["characteristic"] == "2A35"
    assert answer["readings"][0]["values"]["systolic"]["value"] == 186


async def test_decode_of_a_bad_frame_names_what_is_missing_and_exits_2() -> None:
    code, output, _ = await command("decode", "2A35", "00BA")
    assert code == 2
    assert json.loads(output)["error"]["missing"] == "systolic"


@pytest.mark.parametrize("words", [("2A35",), ("-", CUFF), ("-", "--model", "generic-blood-pressure")])
async def test_decode_called_wrongly(words: tuple[str, ...]) -> None:
    code, output, errors = await command("decode", *words)
    assert (code, output) == (2, "")
    assert errors.strip()


async def test_decode_reads_lines_and_answers_each_at_once() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *RUN_MAIN,
        "decode",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(20):
        process.stdin.write(f"2A35 {CUFF}\n".encode())
        assert "readings" in json.loads(await process.stdout.readline())
        process.stdin.write(b"2A35 \xff\xfe\n")
        assert "error" in json.loads(await process.stdout.readline())
        process.stdin.close()
        assert await process.wait() == 0


def _random_lines(count: int) -> Iterator[str]:
    chance = random.Random(3)
    for _ in range(count):
        uuid = chance.choice(("2A35", "2A5E", "2A5F", "2A9D", "2A1C"))
        yield f"{uuid} {chance.randbytes(chance.randrange(24)).hex()}\n"


async def test_decode_answers_5000_lines_a_second() -> None:
    lines = 15_000
    text = "".join(_random_lines(lines)).encode()
    before = _seconds_of_children()
    code, output, errors = await command("decode", "-", stdin=text)
    taken = _seconds_of_children() - before
    assert (code, errors) == (0, "")
    answers = [json.loads(line) for line in output.splitlines()]
    assert len(answers) == lines
    assert all(("error" in answer) != ("readings" in answer) for answer in answers)
    assert lines / taken > 5000


async def test_decode_ends_quietly_when_nobody_reads_on() -> None:
    process = await asyncio.create_subprocess_shell(
        f'yes "2A35 {CUFF}" | head -n 20000 | "$PYTHON" -c "$MAIN" decode - | head -n 1',
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHON": sys.executable, "MAIN": RUN_MAIN[1]},
    )
    async with asyncio.timeout(30):
        output, errors = await process.communicate()
    assert output.count(b"\n") == 1
    assert errors == b""


async def test_check_config(config: Path) -> None:
    code, output, _ = await command("check-config", "--config", str(config))
    assert (code, output.strip()) == (0, "The settings are good: gateway home-1, 1 meters.")
    await asyncio.to_thread(_misspell, config)
    for word in ("check-config", "run", "outbox"):
        code, output, errors = await command(word, environment={"HEARTHLINE_GATEWAY_CONFIG": str(config)})
        assert (code, output) == (2, "")
        assert "gateway.toml line 7: mqtt.urll is not a setting; did you mean mqtt.url?" in errors


def _misspell(config: Path) -> None:
    config.write_text(config.read_text().replace("url =", "urll ="))


async def test_outbox_before_the_first_run(config: Path) -> None:
    code, _, errors = await command("outbox", "--config", str(config))
    assert code == 1
    assert "the gateway has not run yet" in errors


@pytest.mark.parametrize("missing", ["paho", "bleak", "dbus_fast"])
async def test_without_its_extra_run_says_which_to_install(config: Path, missing: str) -> None:
    code, _, errors = await command(
        "run", "--config", str(config), before=f"import sys; sys.modules['{missing}'] = None; "
    )
    assert code == 1
    assert errors.strip() == (f"the gateway needs {missing}, which is not installed: install hearthline[gateway]")


async def test_a_data_dir_that_cannot_be_written(config: Path) -> None:
    (config.parent / "data").write_text("a file where a folder should be")
    code, _, errors = await command("run", "--config", str(config))
    assert code == 1
    assert "gateway.data_dir" in errors


async def test_a_second_gateway_over_the_same_outbox_is_refused(config: Path) -> None:
    async with gateway(config) as running:
        await running.said("gateway_started")
        code, _, errors = await command("run", "--config", str(config))
        assert code == 1
        assert "another gateway runs with the outbox" in errors
        assert await running.ended_by(signal.SIGTERM) == 0
