import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hearthline_simulator.demo.processes import Child, ChildError

COUNTS = "import time\nn = 0\nwhile True:\n    n += 1; open({path!r}, 'w').write(str(n)); time.sleep(0.01)"
IGNORES_TERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(60)
"""
PARENT = """
import asyncio, sys
from pathlib import Path
from hearthline_simulator.demo.processes import Child

async def main():
    child = Child("c", (sys.executable, "-c", "import time; time.sleep(60)"), log=Path(sys.argv[1]))
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
async def child_of(tmp_path: Path) -> AsyncIterator[Callable[[str], Child]]:
    made: list[Child] = []

    def make(script: str) -> Child:
        made.append(Child(f"part {len(made)}", (sys.executable, "-c", script), log=tmp_path / f"{len(made)}.log"))
        return made[-1]

    yield make
    for child in made:
        await child.kill()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(true: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110  # a file of another process has no event
            await asyncio.sleep(0.01)


async def test_a_held_child_does_nothing_until_it_goes_on(child_of: Callable[[str], Child], tmp_path: Path) -> None:
    path = tmp_path / "count"
    child = child_of(COUNTS.format(path=str(path)))
    await child.start()
    await until(path.exists)
    await child.hold()
    held = path.read_text()
    await asyncio.sleep(0.1)
    assert path.read_text() == held
    child.resume()
    await until(lambda: path.read_text() not in ("", held))


async def test_killed_and_started_again_it_is_another_process(child_of: Callable[[str], Child]) -> None:
    child = child_of("import time; time.sleep(60)")
    await child.start()
    first = child.pid
    await child.kill()
    assert not alive(first)
    assert not child.lost
    await child.start()
    assert child.pid != first
    assert child.running
    assert child.starts == 2


async def test_stop_ends_a_held_child_and_one_that_will_not_listen(child_of: Callable[[str], Child]) -> None:
    polite, deaf = child_of("import time; time.sleep(60)"), child_of(IGNORES_TERM)
    await polite.start()
    await deaf.start()
    await until(lambda: "up" in deaf.tail())
    await polite.hold()
    began = time.monotonic()
    await asyncio.gather(polite.stop(), deaf.stop(0.2))
    assert time.monotonic() - began < 4
    assert not polite.running
    assert deaf.ending() == "signal SIGKILL"


async def test_an_end_that_nobody_asked_for_is_a_loss_with_the_end_of_the_log(child_of: Callable[[str], Child]) -> None:
    child = child_of("print('about to break', flush=True); raise SystemExit(3)")
    await child.start()
    await until(lambda: child.lost)
    loss = child.loss()
    assert "exit code 3" in str(loss)
    assert "about to break" in loss.tail


async def test_not_ready_says_so_with_the_log(child_of: Callable[[str], Child]) -> None:
    async def never() -> bool:
        return False

    slow = child_of("print('still thinking', flush=True); import time; time.sleep(60)")
    await slow.start()
    await until(lambda: "still" in slow.tail())
    with pytest.raises(ChildError, match="was not ready within") as error:
        await slow.ready(never, 0.1)
    assert "still thinking" in str(error.value)
    broken = child_of("raise SystemExit(4)")
    await broken.start()
    with pytest.raises(ChildError, match="ended at its start"):
        await broken.ready(never, 10)


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    child = Child("part", (str(tmp_path / "nothing"),), log=tmp_path / "log")
    with pytest.raises(ChildError):
        await _start_and_wait(child)


async def _start_and_wait(child: Child) -> None:
    async def never() -> bool:
        return False

    await child.start()
    await child.ready(never, 5)


async def test_settings_of_this_shell_do_not_reach_a_child(
    child_of: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTHLINE_DATA_DIR", "/somewhere/real")
    child = child_of("import os; print([n for n in os.environ if 'HEARTHLINE_' in n], 'end', flush=True)")
    await child.start()
    await until(lambda: "end" in child.tail())
    assert child.tail() == "[] end"


async def test_ctrl_c_on_the_terminal_does_not_reach_a_child(child_of: Callable[[str], Child]) -> None:
    child = child_of("import time; time.sleep(60)")
    await child.start()
    assert os.getpgid(child.pid) != os.getpgid(0)


async def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path / "child.log"), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    # Until setpriv has become the command it may not have asked the kernel yet.
    await until(lambda: b"setpriv" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await until(lambda: _has_ended(pid))


def _has_ended(pid: int) -> bool:
    # In a container whose first process reaps nobody, a dead orphan keeps its number.
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
