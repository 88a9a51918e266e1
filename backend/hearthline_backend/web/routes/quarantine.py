"""What could not be taken: looked through, tried again, let go. Engineers alone open what was sent, on record."""

from typing import Final
from urllib.parse import urlencode

import structlog
from aiohttp import web

from hearthline_backend.payload_looks import LOOK, concerned, device_of
from hearthline_backend.storage.ports import StoreUnavailableError
from hearthline_backend.storage.records.homes import Gateway
from hearthline_backend.storage.records.people import Role
from hearthline_backend.storage.records.quarantine import Kept, Status
from hearthline_backend.storage.records.unit import Unit
from hearthline_backend.web.guards import Visit, for_roles
from hearthline_backend.web.language import _
from hearthline_backend.web.pages import page
from hearthline_backend.web.views import quarantine as view

log = structlog.get_logger(__name__)

ROWS_A_PAGE: Final = 50
MAX_REASON: Final = 300
_STATUSES: Final[dict[str, Status]] = {
    "held": "held",
    "rejected": "rejected",
    "released": "released",
    "discarded": "discarded",
}
_LONGEST: Final = 63

routes = web.RouteTableDef()


@routes.get("/quarantine")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def listed(visit: Visit) -> web.StreamResponse:
    """The newest first, by gateway, status and reason."""
    query = visit.request.query
    gateway, reason = query.get("gateway", "")[:_LONGEST], query.get("reason", "")[:_LONGEST]
    status = _STATUSES.get(query.get("status", ""))
    async with visit.context.records.read() as unit:
        homes, hidden = await _homes(visit, unit)
        counts = await unit.quarantine.grouped(hidden)
        narrowed = {
            key: many
            for key, many in counts.items()
            if gateway in ("", key[0]) and reason in ("", key[2]) and status in (None, key[1])
        }
        total = sum(narrowed.values())
        pages = max(1, -(-total // ROWS_A_PAGE))
        number = min(max(1, _number(query.get("page", "1")) or 1), pages)
        rows = await unit.quarantine.listed(
            gateway=gateway or None,
            status=status,
            reason=reason or None,
            hidden=hidden,
            limit=ROWS_A_PAGE,
            offset=(number - 1) * ROWS_A_PAGE,
            payloads=True,
        )
        sensors = await unit.homes.sensors_at({device_of(row)[0] for row in rows})
    said = view.heading(counts)
    chosen = {"gateway": gateway, "status": status or "", "reason": reason}
    return page(
        visit,
        "quarantine.html",
        _("Quarantine: {answer}").format(answer=said),
        "/quarantine",
        h1=said,
        lines=view.lines(rows, homes, sensors, visit.context.clock()),
        statuses=view.statuses(counts, gateway, reason, status or ""),
        reasons=view.reasons(counts, reason),
        gateways=view.gateways(counts, homes, gateway),
        chosen=chosen,
        address=_address(chosen, number),
        to_status={one.name: _address(chosen | {"status": one.name}) for one in view.statuses(counts, "", "", "")},
        total=total,
        everything=sum(counts.values()),
        page_number=number,
        pages=pages,
        newer=_address(chosen, number - 1) if number > 1 else None,
        older=_address(chosen, number + 1) if number < pages else None,
        done=query.get("done", ""),
    )


@routes.get("/quarantine/{row}")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def one(visit: Visit) -> web.StreamResponse:
    """Everything about one row but what was sent."""
    return await _page(visit)


@routes.get("/quarantine/{row}/payload")
@for_roles(Role.ENGINEER)
async def payload(visit: Visit) -> web.StreamResponse:
    """What was sent, as it was sent. Whoever it may be of can read that it was opened."""
    async with visit.context.records.begin() as unit:
        row, homes = await _row(visit, unit)
        if row.gateway not in homes or row.payload is None:
            raise web.HTTPNotFound
        now = visit.context.clock()
        for patient in await concerned(unit, row):
            await unit.people.log_access(visit.user.id, patient, LOOK, now)
    log.info("payload_opened", row=row.id, gateway=row.gateway, user=str(visit.user.id))
    return await _page(visit, shown=view.payload_text(row))


@routes.post("/quarantine/{row}/retry")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def retry(visit: Visit) -> web.StreamResponse:
    """Try it again, now."""
    async with visit.context.records.begin() as unit:
        row, _homes_known = await _row(visit, unit)
        whole = row.status in ("held", "rejected") and await unit.quarantine.hold(row.id)
    if not whole:
        return await _page(
            visit, problem=_("It is not kept whole any more: the home has to send it again."), status=409
        )
    try:
        await visit.context.retry(row.id)
    except StoreUnavailableError:
        raise web.HTTPSeeOther(f"/quarantine/{row.id}?done=later") from None
    async with visit.context.records.read() as unit:
        after = await unit.quarantine.get(row.id)
    taken = after is not None and after.status == "released"
    raise web.HTTPSeeOther(f"/quarantine/{row.id}?done={'taken' if taken else 'tried'}")


@routes.post("/quarantine/{row}/discard")
@for_roles(Role.TECHNICIAN, Role.ENGINEER)
async def discard(visit: Visit) -> web.StreamResponse:
    """Let go of what was sent. Reason, hash and count stay."""
    words = " ".join(str((await visit.request.post()).get("reason", "")).split())
    async with visit.context.records.read() as unit:
        row, _homes_known = await _row(visit, unit)
    if not view.line(row, None, {}, visit.context.clock()).discard:
        return await _page(visit, problem=_("It cannot be let go: see its next step."), status=409)
    if not words or len(words) > MAX_REASON:
        return await _page(
            visit, problem=_("Write why nobody needs it, in up to 300 characters."), typed=words, status=422
        )
    async with visit.context.records.begin() as unit:
        await unit.quarantine.close(row.id, "discarded", f"discarded by {visit.user.initials}: {words}")
    log.info("quarantine_discarded", row=row.id, gateway=row.gateway, user=str(visit.user.id))
    raise web.HTTPSeeOther(f"/quarantine/{row.id}?done=discarded")


async def _page(
    visit: Visit, *, shown: str = "", problem: str = "", typed: str = "", status: int = 200
) -> web.Response:
    async with visit.context.records.read() as unit:
        row, homes = await _row(visit, unit)
        sensors = await unit.homes.sensors_at({device_of(row)[0]})
    told = view.line(row, homes.get(row.gateway), sensors, visit.context.clock())
    done = {
        "taken": _("Taken: it stands where it belongs now."),
        "tried": _("Tried again. It could not be taken; what is shown is why."),
        "later": _("The store does not answer now. It is tried again by itself."),
        "discarded": _("Let go. Its reason, length and count stay."),
    }.get(visit.request.query.get("done", ""), "")
    return page(
        visit,
        "quarantine_row.html",
        _("Quarantine, row {number}").format(number=row.id),
        "/quarantine",
        live=False,
        status=status,
        line=told,
        may_open=visit.user.role is Role.ENGINEER and row.gateway in homes and row.payload is not None,
        shown=shown,
        problem=problem,
        typed=typed,
        asking=bool(problem) or "discard" in visit.request.query,
        max_reason=MAX_REASON,
        csrf=visit.csrf,
        done=done,
    )


async def _homes(visit: Visit, unit: Unit) -> tuple[dict[str, Gateway], list[str]]:
    """The homes of the viewer's organisation, and the gateways of others, which are none of theirs."""
    homes = {one.name: one for one in await unit.homes.gateways(visit.user.organisation_id)}
    hidden = [one.name for one in await unit.homes.gateways() if one.name not in homes]
    return homes, hidden


async def _row(visit: Visit, unit: Unit) -> tuple[Kept, dict[str, Gateway]]:
    number = _number(visit.request.match_info["row"])
    row = None if number is None else await unit.quarantine.get(number)
    homes, hidden = await _homes(visit, unit)
    if row is None or row.gateway in hidden:
        raise web.HTTPNotFound
    return row, homes


def _number(said: str) -> int | None:
    return int(said) if said.isdecimal() and len(said) < 16 else None


def _address(chosen: dict[str, str], number: int = 1) -> str:
    query = {name: one for name, one in chosen.items() if one} | ({"page": str(number)} if number > 1 else {})
    return f"/quarantine?{urlencode(query)}" if query else "/quarantine"
