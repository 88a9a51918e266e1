"""Acknowledging from another system, such as an on-call app: by signed webhook, the way back of the one that called.

The body is JSON: ``{"action": "acknowledge", "notification": "<id of the call>"}``. ``Hearthline-Signature`` is made as
for calls that go out (see :mod:`~hearthline_backend.alerting.webhook`), with the secret of the contact that was called.
Who acknowledges is that contact's user.
"""

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from hearthline_backend.alerting.action_errors import AlertActionError, AlertOverError, AlreadyTakenError
from hearthline_backend.alerting.actions import AlertActions
from hearthline_backend.alerting.webhook import signature
from hearthline_backend.storage.ports import Records
from hearthline_backend.storage.records.heard import Heard
from hearthline_backend.storage.records.people import Contact, User

TOLERANCE: Final = timedelta(minutes=5)
"""How far the time in a signature may lie from now, either way. Within it a signature is acted upon once."""
LONGEST_BODY: Final = 4096
"""Bytes."""
_SIGNATURE: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
_KEPT: Final = 3 * TOLERANCE


@dataclass(frozen=True, slots=True)
class Said:
    """The answer: its status, and ``acknowledged``, ``taken`` (somebody else has it), ``over``, ``refused``,
    ``not_signed`` or ``not_understood``. ``repeat``: this very message was answered before, and nothing was done."""

    status: HTTPStatus
    what: str
    repeat: bool = False


NOT_UNDERSTOOD: Final = Said(HTTPStatus.BAD_REQUEST, "not_understood")
NOT_SIGNED: Final = Said(HTTPStatus.UNAUTHORIZED, "not_signed")
"""Also where there is no such call: who cannot sign learns nothing."""


class InboundAcknowledgements:
    """Acknowledges only after everything about the message has been proven."""

    def __init__(self, records: Records, actions: AlertActions, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._actions = actions
        self._clock = clock

    async def hear(self, body: bytes, signed: str) -> Said:
        """Do what a message asks for. ``signed`` is its signature header."""
        now, notification = self._clock(), _called(body)
        if notification is None:
            return NOT_UNDERSTOOD
        found = _SIGNATURE.fullmatch(signed)
        if found is None or abs(now.timestamp() - int(found[1])) > TOLERANCE.total_seconds():
            return NOT_SIGNED
        async with self._records.read() as unit:
            call = await unit.calls.notification(notification)
            contact = None if call is None else await unit.people.contact(call.contact_id)
            user = None if contact is None else await unit.people.user(contact.user_id)
            before = await unit.heard.get(found[2])
        number = None if call is None else call.alert_id  # a notice is no alert: nothing can be acknowledged
        if number is None or contact is None or user is None or not _proven(contact, user, int(found[1]), body, signed):
            return NOT_SIGNED
        if before is not None:
            return Said(HTTPStatus(before.status), before.said, repeat=True)
        said = await self._acknowledge(number, user)
        # After the act: a message that was lost in between is sent again, and must not be taken for done.
        async with self._records.begin() as unit:
            heard = Heard(found[2], contact.id, number, now, said.status, said.what)
            await unit.heard.add(heard, forget_before=now - _KEPT)
        return said

    async def _acknowledge(self, alert_id: int, user: User) -> Said:
        try:
            await self._actions.acknowledge(alert_id, user)
        except AlreadyTakenError:
            return Said(HTTPStatus.CONFLICT, "taken")
        except AlertOverError:
            return Said(HTTPStatus.CONFLICT, "over")
        except AlertActionError:
            return Said(HTTPStatus.FORBIDDEN, "refused")
        return Said(HTTPStatus.OK, "acknowledged")


def _called(body: bytes) -> UUID | None:
    """The call that is answered; None where the message is none of ours."""
    try:
        content = json.loads(body)
        if not isinstance(content, dict) or content.get("action") != "acknowledge":
            return None
        return UUID(str(content.get("notification")))
    except (ValueError, RecursionError):
        return None


def _proven(contact: Contact, user: User, at: int, body: bytes, signed: str) -> bool:
    if not contact.secret or not user.active:
        return False
    return hmac.compare_digest(signature(contact.secret, at, body), signed)
