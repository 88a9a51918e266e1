"""One step on the way through a team's steps: whoever is next and can be reached is called."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from hearthline_backend.alerting.agreement import Agreement, Round
from hearthline_backend.domain.escalation_steps import step_to_take


async def take_step(
    agreement: Agreement,
    done: Round,
    wait: timedelta,
    call: Callable[[UUID, str | None], Awaitable[bool]],
    begun: Callable[[int], Awaitable[None]],
) -> tuple[Round, timedelta, bool]:
    """Call by the next step that reaches somebody. ``call`` takes a person and the step's channel, and answers whether
    they can be reached by it; ``begun`` is told the number of a step with people in it, from 1, before they are called.

    Returns how far calling has come, how long to wait then (``wait`` where there was no step), and whether anybody was
    called; where nobody was, the round is over.
    """
    while (number := step_to_take(agreement.steps, agreement.order, done.called, done.next)) is not None:
        step, people = agreement.steps[number], agreement.people(agreement.steps[number])
        if people:
            await begun(number + 1)
        told = [await call(one, step.channel) for one in people]
        done, wait = done.after(number, people), step.wait
        if any(told):
            return done, wait, True
    return done, wait, False
