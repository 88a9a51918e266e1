import asyncio
import os
import signal

import pytest

from hearthline_simulator.demo.interrupt import until_interrupted


async def test_uninterrupted_the_result_comes_through() -> None:
    async def work() -> int:
        return 7

    assert await until_interrupted(work(), at_once=lambda: None) == 7


async def test_the_first_interruption_cleans_up_and_the_second_is_at_once() -> None:
    said: list[str] = []
    started = asyncio.Event()
    killed = asyncio.Event()

    async def work() -> int:
        try:
            started.set()
            await asyncio.sleep(60)
        finally:
            said.append("cleaning")
            os.kill(os.getpid(), signal.SIGINT)
            await killed.wait()
            said.append("clean")
        return 7

    running = asyncio.create_task(until_interrupted(work(), at_once=killed.set, first=lambda: said.append("stopping")))
    await started.wait()
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(10):
        assert await running is None
    assert said == ["stopping", "cleaning", "clean"]


async def test_an_error_of_the_work_is_raised() -> None:
    async def work() -> int:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await until_interrupted(work(), at_once=lambda: None)
