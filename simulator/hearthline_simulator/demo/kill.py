"""Kills one process at its worst instant and starts it again, from outside: signals to real processes, nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from hearthline_simulator.demo.chain import Hop, Victim
from hearthline_simulator.demo.processes import Child
from hearthline_simulator.demo.stack import Stack
from hearthline_simulator.demo.trail import Trail

_POLL_S: Final = 0.001
_EACH_WITHIN_S: Final = 45.0

Measure = Callable[[], Awaitable[None]]

SHOWN_AT: Final = {Victim.GATEWAY: Hop.PUBLISHED, Victim.BROKER: Hop.STORED, Victim.BACKEND: Hop.JUDGED}
"""The hop after which each kill has to be overcome."""


class KillError(Exception):
    """The instant to kill at did not come."""


async def kill_at_worst(victim: Victim, stack: Stack, trail: Trail, measure: Measure) -> str:
    """Make the measurement, kill ``victim`` at its worst instant, start it again; returns what was done, in words."""
    run = {Victim.GATEWAY: _gateway, Victim.BROKER: _broker, Victim.BACKEND: _backend}[victim]
    return await run(stack, trail, measure)


async def _gateway(stack: Stack, trail: Trail, measure: Measure) -> str:
    """The reading is in the outbox and nowhere else."""
    broker, gateway = _running(stack, "broker"), _running(stack, "gateway")
    await broker.hold()
    await measure()
    await _until(trail, Hop.OUTBOX)
    killed = gateway.pid
    await gateway.kill()
    await gateway.start()
    broker.resume()
    return f"gateway {killed} was killed while the broker was held, and came back as {gateway.pid}"


async def _broker(stack: Stack, trail: Trail, measure: Measure) -> str:
    """The broker has taken the message, the backend has not read it, and the broker remembers nothing."""
    broker, backend = _running(stack, "broker"), _running(stack, "backend")
    if stack.broker is None:
        raise KillError("there is no broker of ours")
    await backend.hold()
    await measure()
    await _until(trail, Hop.OUTBOX, Hop.PUBLISHED)
    killed = broker.pid
    await broker.kill()
    await stack.broker.start()
    backend.resume()
    return f"broker {killed} was killed while the backend was held, and came back as {broker.pid} with nothing"


async def _backend(stack: Stack, trail: Trail, measure: Measure) -> str:
    """First with the message unread, then with the reading stored and perhaps not judged."""
    backend = _running(stack, "backend")
    if stack.backend is None:
        raise KillError("there is no backend")
    await backend.hold()
    await measure()
    await _until(trail, Hop.OUTBOX, Hop.PUBLISHED)
    first = backend.pid
    await backend.kill()
    starting = asyncio.create_task(stack.backend.start())
    try:
        await _until(trail, Hop.STORED)
        second = backend.pid
        await backend.kill()
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    await stack.backend.start()
    return f"backend {first} was killed before it read the message, and {second} as soon as the reading was stored"


def _running(stack: Stack, name: str) -> Child:
    child = stack.child(name)
    if child is None or not child.running:
        raise KillError(f"the {name} is not running, so it cannot be killed")
    return child


async def _until(trail: Trail, *hops: Hop) -> None:
    """Look often: the instant is short."""
    try:
        async with asyncio.timeout(_EACH_WITHIN_S):
            for hop in hops:
                await trail.seen(hop, _POLL_S)
    except TimeoutError:
        raise KillError(f"the instant to kill at ({hops[-1]}) did not come within {_EACH_WITHIN_S:.0f} s") from None
