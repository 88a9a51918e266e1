"""Several alerts acknowledged in one go, from the list or from a patient, and taken back."""

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from hearthline_backend.alerting.acting import DoneTogether
from hearthline_backend.alerting.actions import MOST_AT_ONCE
from hearthline_backend.alerting.taking_back import last_act
from hearthline_backend.alerting.timing import DEFAULT
from hearthline_backend.storage.records.people import Role
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _, n_

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Together:
    """What is said after several were acknowledged. ``alerts`` are those that can be taken back, for a moment."""

    said: str
    alerts: tuple[int, ...] = ()
    back: str = "/worklist"


@routes.post("/worklist/acknowledge")
@for_roles(Role.CARE)
async def acknowledge(visit: Visit) -> web.StreamResponse:
    """Take all that were chosen and that nobody has."""
    chosen, back = await _chosen(visit)
    together = await visit.context.actions.acknowledge_many(chosen, visit.user)
    raise web.HTTPSeeOther(f"{back}?{_told(together, 'taken')}")


@routes.post("/worklist/undo")
@for_roles(Role.CARE)
async def undo(visit: Visit) -> web.StreamResponse:
    """Take it back, within 10 s."""
    chosen, back = await _chosen(visit)
    together = await visit.context.actions.undo_many(chosen, visit.user)
    raise web.HTTPSeeOther(f"{back}?{_told(together, 'undone')}")


async def told_together(visit: Visit) -> Together | None:
    """What the address says of what was just done; None where it says nothing."""
    query = visit.request.query
    left = int(query["left"]) if query.get("left", "").isdecimal() and len(query["left"]) < 4 else 0
    if "undone" in query:
        count = len(_numbers(query["undone"]))
        return Together(_join(n_("{n} alert given back.", "{n} alerts given back.", count), count, left))
    if "taken" not in query:
        return None
    numbers = _numbers(query["taken"])
    said = n_("{n} alert acknowledged. You have it.", "{n} alerts acknowledged. You have them.", len(numbers))
    if not numbers:
        said = _("Nothing was chosen.") if not left else ""
    now, undoable = visit.context.clock(), []
    async with visit.context.records.read() as unit:
        for number in numbers:
            act = last_act(await unit.alerts.events(number), visit.user.id)
            if act is not None and now - act.at <= DEFAULT.undo_within:
                undoable.append(number)
    return Together(_join(said, len(numbers), left), tuple(undoable), visit.request.path)


async def _chosen(visit: Visit) -> tuple[list[int], str]:
    form = await visit.request.post()
    numbers = _numbers(",".join(str(one) for one in form.getall("alert", [])))
    return numbers, _back(str(form.get("back", "")))


def _back(path: str) -> str:
    """The list, or the patient from whose view this was asked."""
    try:
        return f"/patients/{UUID(path.removeprefix('/patients/'))}"
    except ValueError:
        return "/worklist"


def _join(said: str, count: int, left: int) -> str:
    """``left`` is how many were left as they were."""
    rest = n_(
        "{n} was left as it is: it has changed meanwhile.",
        "{n} were left as they are: they have changed meanwhile.",
        left,
    )
    parts = [said.format(n=count), rest.format(n=left) if left else ""]
    return " ".join(part for part in parts if part)


def _numbers(text: str) -> list[int]:
    found = [int(part) for part in text.split(",") if part.isdecimal() and len(part) < 16]
    return found[:MOST_AT_ONCE]


def _told(together: DoneTogether, what: str) -> str:
    numbers = ",".join(str(one.alert.id) for one in together.done)
    return f"{what}={numbers}&left={len(together.refused)}"
