"""User Control Point (0x2A9F): what is asked of a device that keeps several people apart, and what it answers.

Source: Bluetooth SIG, User Data Service 1.1, and the GATT Specification Supplement.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, Self

from hearthline_gateway.gatt.cursor import Composer, Cursor
from hearthline_gateway.gatt.quirks import NO_QUIRKS, Quirks

HIGHEST_CONSENT_CODE: Final = 9999
"""Consent codes are 0 to 9999; a device answers a higher one with "invalid parameter"."""


class UserControlOpCode(IntEnum):
    """What a frame is: a procedure, or the answer to one."""

    REGISTER_NEW_USER = 0x01
    CONSENT = 0x02
    DELETE_USER_DATA = 0x03
    LIST_ALL_USERS = 0x04
    DELETE_USERS = 0x05
    RESPONSE = 0x20


class UserControlResponse(IntEnum):
    """How a procedure ended."""

    SUCCESS = 0x01
    OP_CODE_NOT_SUPPORTED = 0x02
    INVALID_PARAMETER = 0x03
    OPERATION_FAILED = 0x04
    USER_NOT_AUTHORISED = 0x05


_OP_CODES: Final = {int(code): code for code in UserControlOpCode}
_RESPONSES: Final = {int(value): value for value in UserControlResponse}
_WITH_INDEX: Final = (UserControlOpCode.CONSENT, UserControlOpCode.DELETE_USERS)
_WITH_CODE: Final = (UserControlOpCode.REGISTER_NEW_USER, UserControlOpCode.CONSENT)


@dataclass(frozen=True, slots=True)
class UserControlPoint:
    """One frame, in either direction. Reserved numbers are kept as they are.

    ``user_index`` belongs to a consent, a deletion, and the answer to a registration, which gives the new slot; after a
    deletion a device may name the slot or not. ``consent_code`` belongs to a registration and a consent and is hidden
    from representations. An answer has ``request_op_code`` and ``response_value``; that to a list also
    ``number_of_users``.
    """

    characteristic: ClassVar[str] = "2A9F"

    op_code: UserControlOpCode | int
    user_index: int | None = None
    consent_code: int | None = field(default=None, repr=False)
    request_op_code: UserControlOpCode | int | None = None
    response_value: UserControlResponse | int | None = None
    number_of_users: int | None = None
    trailing: bytes = b""

    @property
    def succeeded(self) -> bool:
        """Whether this is an answer, and says that it was done."""
        return self.response_value is UserControlResponse.SUCCESS

    @classmethod
    def decode(cls, payload: bytes, quirks: Quirks = NO_QUIRKS) -> Self:
        """Read a frame; raises ``DecodeError``."""
        cursor = Cursor(payload, cls.characteristic, quirks)
        op_code = _op_code(cursor.unsigned(1, "op_code"))
        if op_code is UserControlOpCode.RESPONSE:
            return cls._response(cursor)
        return cls(
            op_code,
            user_index=cursor.unsigned(1, "user_index") if op_code in _WITH_INDEX else None,
            consent_code=cursor.unsigned(2, "consent_code") if op_code in _WITH_CODE else None,
            trailing=cursor.rest(),
        )

    @classmethod
    def _response(cls, cursor: Cursor) -> Self:
        request = _op_code(cursor.unsigned(1, "request_op_code"))
        raw = cursor.unsigned(1, "response_value")
        value = _RESPONSES.get(raw, raw)
        done = value is UserControlResponse.SUCCESS
        gives_index = request is UserControlOpCode.REGISTER_NEW_USER or (
            request is UserControlOpCode.DELETE_USERS and cursor.left
        )
        return cls(
            UserControlOpCode.RESPONSE,
            user_index=cursor.unsigned(1, "user_index") if done and gives_index else None,
            request_op_code=request,
            response_value=value,
            number_of_users=cursor.unsigned(1, "number_of_users")
            if done and request is UserControlOpCode.LIST_ALL_USERS
            else None,
            trailing=cursor.rest(),
        )

    def encode(self, quirks: Quirks = NO_QUIRKS) -> bytes:
        """The inverse of :meth:`decode`."""
        composer = Composer(quirks)
        composer.unsigned(1, "op_code", self.op_code)
        composer.unsigned(1, "request_op_code", self.request_op_code)
        composer.unsigned(1, "response_value", self.response_value)
        composer.unsigned(1, "user_index", self.user_index)
        composer.unsigned(1, "number_of_users", self.number_of_users)
        composer.unsigned(2, "consent_code", self.consent_code)
        return composer.frame(self.trailing)


def register_new_user(consent_code: int) -> UserControlPoint:
    """Ask for a slot that opens with ``consent_code``; raises ``ValueError`` for no such code."""
    return UserControlPoint(UserControlOpCode.REGISTER_NEW_USER, consent_code=_checked(consent_code))


def consent(user_index: int, consent_code: int) -> UserControlPoint:
    """Open a slot; raises ``ValueError`` for no such code."""
    return UserControlPoint(UserControlOpCode.CONSENT, user_index, _checked(consent_code))


def _checked(consent_code: int) -> int:
    if not 0 <= consent_code <= HIGHEST_CONSENT_CODE:
        raise ValueError(f"a consent code is a number from 0 to {HIGHEST_CONSENT_CODE}")
    return consent_code


def _op_code(raw: int) -> UserControlOpCode | int:
    return _OP_CODES.get(raw, raw)
