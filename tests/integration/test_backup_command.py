"""`hearthline backup` and `restore` as a person runs them: beside a backend under load, onto a new machine."""

import asyncio
import io
import json
import re
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import aiohttp
from sqlalchemy import select

from hearthline_backend import administration
from hearthline_backend.administration import NewUser
from hearthline_backend.backup.manifest import Manifest
from hearthline_backend.settings import RESTORE_MARK, Settings
from hearthline_backend.storage.schema import alerts
from hearthline_protocol.readings import Reading
from tests.fixtures.backend_process import backend_process, environment
from tests.fixtures.broker import Broker, running_broker
from tests.fixtures.home_client import HomeClient, home_client
from tests.fixtures.ingesting import batch
from tests.fixtures.readings import pressure
from tests.fixtures.records import Household, seed, temporary_records

WITHIN_S = 60
HOUSEHOLD = Household()
IN_A_BATCH = 20
PASSWORD = "a long enough password"


async def hearthline(folder: Path, *words: str, **more: str) -> tuple[int, bytes, str]:
    """Exit code, standard output and the rest of what a command said. ``more`` settings without their prefix."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hearthline_backend.cli",
        *words,
        env=environment(folder, None, more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, said = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode is not None
    return process.returncode, out, said.decode()


@asynccontextmanager
async def serving(folder: Path, broker: Broker) -> AsyncIterator[str]:
    """The real backend on this folder, connected; its web address."""
    async with backend_process(folder, broker) as backend:
        async with asyncio.timeout(WITHIN_S):
            while (await backend.health())["broker"] != "connected":  # noqa: ASYNC110  # it can only be asked
                await asyncio.sleep(0.02)
        yield backend.url
        assert await backend.stopped() == 0


def measured(number: int, systolic: float = 125) -> Reading:
    now = datetime.now(UTC)
    return pressure(systolic, received_time=now, effective_time=now - timedelta(seconds=1, milliseconds=number))


async def send(home: HomeClient, *readings: Reading) -> None:
    """Sent, and the receipt is here: all of it is stored and judged."""
    home.send(batch(*readings), b"batch")
    waiting = {str(one.id) for one in readings}
    while waiting:  # a receipt may also be for what was held
        payload, _ = await home.receipt()
        for one in json.loads(payload)["readings"]:
            assert one["status"] == "stored"
            waiting.discard(one["id"])


def ids(folder: Path, file: str, query: str) -> set[UUID]:
    """Ids in a SQLite file, as bytes or as digits."""
    connection = sqlite3.connect(folder / file)
    found = {UUID(bytes=key) if isinstance(key, bytes) else UUID(key) for (key,) in connection.execute(query)}
    connection.close()
    return found


def stored(folder: Path) -> set[UUID]:
    return ids(folder, "readings.sqlite3", "SELECT id FROM readings")


def judged(folder: Path) -> set[UUID]:
    return ids(folder, "records.sqlite3", "SELECT reading_id FROM judged")


async def add_people(folder: Path) -> None:
    async with temporary_records(folder) as records, records.begin() as unit:
        await seed(unit, HOUSEHOLD)
    async with administration.administering(Settings(profile="demo", data_dir=folder)) as unit:
        await administration.add_user(unit, NewUser("nurse", "care", "Nurse", "E.S.", PASSWORD))


async def visible(url: str) -> tuple[str, str]:
    """The worklist and the patient's page, as a nurse sees them."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(f"{url}/login") as door:
            token = re.search(r'name="csrf" value="([^"]+)"', await door.text())
        assert token is not None
        form = {"login": "nurse", "password": PASSWORD, "next": "", "csrf": token[1]}
        async with session.post(f"{url}/login", data=form) as answer:
            worklist = await answer.text()
        async with session.get(f"{url}/patients/{HOUSEHOLD.patient}") as answer:
            assert answer.status == 200
            return worklist, await answer.text()


async def test_a_backup_under_load_is_a_whole_service_on_a_new_machine(tmp_path: Path) -> None:
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "backup.tar.gz"
    await add_people(old)
    red = measured(0, 190)
    sent: list[list[Reading]] = []
    async with running_broker(tmp_path / "broker") as broker:
        async with serving(old, broker), home_client(broker, HOUSEHOLD.gateway) as home:
            await send(home, red)
            done = asyncio.Event()

            async def load() -> None:
                while not done.is_set():
                    sent.append([measured(number) for number in range(IN_A_BATCH)])
                    await send(home, *sent[-1])

            loading = asyncio.create_task(load())
            async with asyncio.timeout(WITHIN_S):
                while len(sent) < 3:  # noqa: ASYNC110  # it can only be asked
                    await asyncio.sleep(0.01)
            before = len(sent) - 1
            code, _, said = await hearthline(old, "backup", "--to", str(file))
            after = len(sent)
            done.set()
            await loading
        assert code == 0, said
        assert after - before > 2, "there was no load while the backup was taken"
        assert file.stat().st_mode & 0o777 == 0o600
        code, out, _ = await hearthline(new, "restore", "--check", str(file))
        assert code == 0
        assert b"is whole" in out
        assert not new.exists()
        code, out, said = await hearthline(new, "restore", "--live", str(file))
        assert code == 0, said
        assert not (new / RESTORE_MARK).exists()
        receipted = {one.id for some in sent[:before] for one in some} | {red.id}
        assert receipted <= stored(new)
        assert stored(new) == judged(new), "what came meanwhile waits in quarantine, and in no store"
        held = ids(new, "records.sqlite3", "SELECT reading_id FROM quarantine WHERE status = 'held'")
        async with serving(new, broker) as url, home_client(broker, HOUSEHOLD.gateway) as home:
            async with asyncio.timeout(WITHIN_S):
                while not held <= judged(new):  # noqa: ASYNC110  # it can only be asked
                    await asyncio.sleep(0.05)
            readings, judgements = stored(new), judged(new)
            assert readings == judgements
            await send(home, red)
            for some in sent[:before]:
                await send(home, *some)
            assert (stored(new), judged(new)) == (readings, judgements), "a repeat changes nothing"
            for some in sent[before:]:
                await send(home, *some)
            assert stored(new) == judged(new) == {red.id} | {one.id for some in sent for one in some}
            worklist, patient = await visible(url)
    assert "190" in worklist
    assert "190" in patient
    async with temporary_records(new) as records, records.read() as unit:
        rows = (
            await unit.connection.execute(select(alerts.c.patient_id, alerts.c.level, alerts.c.worst_reading))
        ).all()
    assert [tuple(row) for row in rows] == [(HOUSEHOLD.patient, "red", red.id)]


async def test_into_a_pipe_and_without_secrets(tmp_path: Path) -> None:
    await add_people(tmp_path)
    address = f"sqlite+aiosqlite:///{tmp_path}/records.sqlite3"
    code, out, said = await hearthline(tmp_path, "backup", "--to", "-", RECORDS_URL=address)
    assert code == 0, said
    assert "rows of records, 0 readings" in said
    with tarfile.open(fileobj=io.BytesIO(out)) as tar:
        manifest_file = tar.extractfile("manifest.json")
        assert manifest_file is not None
        manifest = Manifest.model_validate_json(manifest_file.read())
    assert manifest.settings["records_url"] == address
    assert manifest.settings["profile"] == "demo"
    piped = tmp_path / "piped.tar"
    piped.write_bytes(out)
    assert (await hearthline(tmp_path / "new", "restore", "--live", str(piped)))[0] == 0


async def test_what_a_person_does_wrong_is_said(tmp_path: Path) -> None:
    await add_people(tmp_path)
    file = tmp_path / "backup.tar"
    assert (await hearthline(tmp_path, "backup", "--to", str(file)))[0] == 0
    whole = file.read_bytes()
    for words, told in (
        (("backup", "--to", str(file)), "--force"),
        (("backup", "--to", str(tmp_path / "backup.zip")), ".tar.gz"),
        (("backup", "--to", str(tmp_path / "missing" / "b.tar")), "choose another folder"),
        (("restore", str(file)), "--rehearsal is a copy to try"),
        (("restore", "--live", str(file)), "never overwrites"),
        (("restore", "--live", str(tmp_path / "records.sqlite3")), "damaged or not all there"),
    ):
        code, _, said = await hearthline(tmp_path, *words)
        assert code == 1, words
        assert told in said
        assert "Traceback" not in said
    assert file.read_bytes() == whole
    assert (await hearthline(tmp_path, "backup", "--to", str(file), "--force"))[0] == 0
