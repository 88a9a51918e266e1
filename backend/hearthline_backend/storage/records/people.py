"""Users, their sessions and contacts, who is on call, and the access log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, delete, exists, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hearthline_backend.domain.quiet_hours import quiet_until
from hearthline_backend.domain.rotas import AHEAD
from hearthline_backend.storage.records.among import among
from hearthline_backend.storage.records.rotas import Agreed, Rotas
from hearthline_backend.storage.schema import (
    access_log,
    contacts,
    on_call,
    patients,
    sessions,
    sign_in_attempts,
    teams,
    users,
)


class Role(StrEnum):
    """What a user is here for; decides which views exist for them."""

    CARE = "care"
    TECHNICIAN = "technician"
    ENGINEER = "engineer"
    """A technician who may also open what a home sent as it was sent; each time that is on record."""
    PATIENT = "patient"

    @property
    def technical(self) -> bool:
        """Sees devices, and no patients."""
        return self in (Role.TECHNICIAN, Role.ENGINEER)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in. ``title`` is Nurse, Doctor, Technician or Patient in English; screens translate it.

    ``theme`` is light, dark or None (as the system); ``single_keys`` switches one-letter keys off where False.
    ``time_zone`` None: their team's.
    """

    id: UUID
    login: str
    password_hash: str
    role: Role
    initials: str
    title: str
    organisation_id: UUID
    team_id: UUID | None = None
    patient_id: UUID | None = None
    locale: str = "en"
    theme: str | None = None
    single_keys: bool = True
    active: bool = True
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. Only the SHA-256 of its token is kept, so that a copy of Records opens no session."""

    token_hash: str
    user_id: UUID
    csrf: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach a user: ``channel`` is mail, webhook or apprise; ``secret`` signs a webhook. Lower positions
    first. The ``address`` of apprise is a secret too. A ``safe`` contact may hear clinical detail."""

    id: UUID
    user_id: UUID
    channel: str
    address: str
    secret: str | None
    position: int
    safe: bool = False


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is called for a team, in order: position 0 first. ``ends_at`` None: until somebody else takes over.
    ``quiet_until`` is when the quiet hours end that hold for this person now, their own or the team's."""

    user: User
    position: int
    starts_at: datetime
    ends_at: datetime | None
    quiet_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """One look at a patient's data by a user."""

    at: datetime
    user_id: UUID
    initials: str
    title: str
    team: str | None
    view: str


class People:
    """Users and everything that hangs on them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    # --- users ---

    async def add_user(self, user: User) -> None:
        """A new user. The login must be free; it is compared in lower case."""
        values = _user_values(user)
        await self._connection.execute(insert(users).values(**values))

    async def user(self, user_id: UUID) -> User | None:
        """One user by id."""
        row = (await self._connection.execute(select(users).where(users.c.id == user_id))).one_or_none()
        return None if row is None else _user(row)

    async def user_by_login(self, login: str) -> User | None:
        """One user by login, whatever the case it was typed in."""
        query = select(users).where(users.c.login == login.strip().lower())
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _user(row)

    async def users(self, ids: Collection[UUID]) -> Mapping[UUID, User]:
        """Several users by id; unknown ids are left out."""
        if not ids:
            return {}
        rows = await self._connection.execute(select(users).where(among(self._connection, users.c.id, set(ids))))
        return {row.id: _user(row) for row in rows}

    async def care_team(self, team_id: UUID) -> tuple[User, ...]:
        """Active care users of a team, by initials."""
        return tuple(_user(row) for row in await self._connection.execute(_CARE_TEAM, {"team": team_id}))

    async def technicians(self, organisation_id: UUID) -> tuple[User, ...]:
        """Active technicians and engineers of an organisation, by initials."""
        technical = [role.value for role in Role if role.technical]
        query = select(users).where(
            users.c.organisation_id == organisation_id, users.c.role.in_(technical), users.c.active
        )
        return tuple(_user(row) for row in await self._connection.execute(query.order_by(users.c.initials)))

    async def set_preferences(self, user_id: UUID, *, theme: str | None, single_keys: bool, locale: str) -> None:
        """How the screens look and listen for this user."""
        values = {"theme": theme, "single_keys": single_keys, "locale": locale}
        await self._connection.execute(update(users).where(users.c.id == user_id).values(**values))

    async def set_zone(self, user_id: UUID, time_zone: str | None) -> None:
        """By whose clock this user is told times; None for the team's."""
        await self._connection.execute(update(users).where(users.c.id == user_id).values(time_zone=time_zone))

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Replace the hash, such as after a change or when the hash's parameters grew."""
        await self._connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))

    # --- sessions ---

    async def open_session(self, session: Session) -> None:
        """Remember a session that has just begun, and forget those long over."""
        await self._connection.execute(delete(sessions).where(sessions.c.expires_at < session.created_at))
        await self._connection.execute(
            insert(sessions).values(
                token_hash=session.token_hash,
                user_id=session.user_id,
                csrf=session.csrf,
                created_at=session.created_at,
                seen_at=session.seen_at,
                expires_at=session.expires_at,
            )
        )

    async def session(self, token_hash: str, now: datetime) -> tuple[Session, User] | None:
        """The session of a token with its user; None when it is over or the user may no longer sign in."""
        query = select(sessions).where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        user = await self.user(row.user_id)
        if user is None or not user.active:
            return None
        session = Session(row.token_hash, row.user_id, row.csrf, row.created_at, row.seen_at, row.expires_at)
        return session, user

    async def extend_session(self, token_hash: str, seen_at: datetime, expires_at: datetime) -> None:
        """Somebody acted in this session: it lasts until ``expires_at``."""
        query = update(sessions).where(sessions.c.token_hash == token_hash)
        await self._connection.execute(query.values(seen_at=seen_at, expires_at=expires_at))

    async def close_session(self, token_hash: str) -> None:
        """Sign out."""
        await self._connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    # --- sign-in attempts: failures, by hashed subject ---

    async def add_attempts(self, subjects: Sequence[str], at: datetime) -> None:
        """One failed sign-in, counted for each subject (SHA-256 of a login or of an address)."""
        await self._connection.execute(
            insert(sign_in_attempts), [{"subject": subject, "at": at} for subject in subjects]
        )

    async def attempts(self, subject: str, since: datetime) -> tuple[datetime, ...]:
        """Failed sign-ins of a subject since a moment, oldest first."""
        query = select(sign_in_attempts.c.at).where(
            sign_in_attempts.c.subject == subject, sign_in_attempts.c.at > since
        )
        return tuple(await self._connection.scalars(query.order_by(sign_in_attempts.c.at)))

    async def forget_attempts(self, subject: str, before: datetime) -> None:
        """After a sign-in that worked: this subject starts anew, and nothing older than ``before`` is kept."""
        old = or_(sign_in_attempts.c.subject == subject, sign_in_attempts.c.at < before)
        await self._connection.execute(delete(sign_in_attempts).where(old))

    # --- reaching people ---

    async def add_contact(self, contact: Contact) -> None:
        """One more way to reach a user."""
        await self._connection.execute(
            insert(contacts).values(
                id=contact.id,
                user_id=contact.user_id,
                channel=contact.channel,
                address=contact.address,
                secret=contact.secret,
                position=contact.position,
                safe=contact.safe,
            )
        )

    async def forget_addresses(self, channel: str) -> None:
        """Every contact is by ``channel`` from now on, without address or secret: for a copy that is no service."""
        await self._connection.execute(update(contacts).values(channel=channel, address="", secret=None))

    async def contact(self, contact_id: UUID) -> Contact | None:
        """One contact by id."""
        row = (await self._connection.execute(select(contacts).where(contacts.c.id == contact_id))).one_or_none()
        return None if row is None else _contact(row)

    async def contacts(self, user_id: UUID) -> tuple[Contact, ...]:
        """How a user is reached, in order."""
        return tuple(_contact(row) for row in await self._connection.execute(_CONTACTS, {"user": user_id}))

    async def put_on_call(
        self, team_id: UUID, user_id: UUID, *, position: int, starts_at: datetime, ends_at: datetime | None = None
    ) -> None:
        """This user is called for this team from ``starts_at`` to ``ends_at``, in this place of the order."""
        values = {
            "team_id": team_id,
            "user_id": user_id,
            "position": position,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        await self._connection.execute(insert(on_call).values(**values))

    async def on_call(self, team_id: UUID, at: datetime) -> tuple[OnCall, ...]:
        """Who is called for a team at a moment, first to last: by its rota, and who was put on call beside it, nobody
        twice. Users who may no longer sign in are left out."""
        rows = await self._connection.execute(_ON_CALL, {"team": team_id, "at": at})
        beside = [OnCall(_user(row), row.position, row.starts_at, row.ends_at) for row in rows]
        agreed = await Rotas(self._connection).agreed(team_id, at)
        return tuple(beside) if agreed is None else await self._by_agreement(team_id, agreed, beside, at)

    async def _by_agreement(
        self, team_id: UUID, agreed: Agreed, beside: Sequence[OnCall], at: datetime
    ) -> tuple[OnCall, ...]:
        """The rota's people and those put on call ``beside`` it, with stand-ins for these too. Who has left the team
        could not act on what they are called for."""
        duties = agreed.rota.on_duty()
        stand_ins = {one.user.id: agreed.rota.standing_in(one.user.id, at) for one in beside}
        wanted = {duty.person for duty in duties} | {one for one in stand_ins.values() if one is not None}
        users = (await self.users(wanted)).values()
        known = {user.id: user for user in users if user.active and user.team_id == team_id}
        found = [
            replace(one, user=known[instead])
            for one in beside
            if (instead := stand_ins[one.user.id]) is not None and instead in known
        ]
        found += [
            OnCall(known[duty.person], duty.place, duty.since or at - AHEAD, duty.until)
            for duty in duties
            if duty.person in known
        ]
        first: dict[UUID, OnCall] = {}
        for one in sorted(found, key=lambda one: one.position):
            first.setdefault(one.user.id, one)
        content = agreed.content
        return tuple(
            one if content is None else replace(one, quiet_until=quiet_until(content.quiet_of(one.user.id), at))
            for one in first.values()
        )

    # --- the access log: append-only ---

    async def log_access(self, user_id: UUID, patient_id: UUID, view: str, at: datetime) -> None:
        """A user looked at a patient's data; the patient can read this."""
        await self._connection.execute(
            insert(access_log).values(at=at, user_id=user_id, patient_id=patient_id, view=view)
        )

    async def log_list(self, user_id: UUID, team_id: UUID, view: str, at: datetime, once_in: timedelta) -> None:
        """A user saw a list of all patients of a team: one entry each, unless there is one younger than ``once_in``."""
        lately = exists().where(
            and_(
                access_log.c.patient_id == patients.c.id,
                access_log.c.user_id == user_id,
                access_log.c.view == view,
                access_log.c.at > at - once_in,
            )
        )
        time = literal(at, access_log.c.at.type)
        user = literal(user_id, access_log.c.user_id.type)
        source = select(time, user, patients.c.id, literal(view)).where(patients.c.team_id == team_id, ~lately)
        await self._connection.execute(insert(access_log).from_select(["at", "user_id", "patient_id", "view"], source))

    async def looked_since(self, user_id: UUID, patient_id: UUID, view: str, since: datetime) -> bool:
        """Whether this user's looks at this view of the patient since a moment already hold an entry."""
        query = select(func.count()).where(
            access_log.c.patient_id == patient_id,
            access_log.c.user_id == user_id,
            access_log.c.view == view,
            access_log.c.at > since,
        )
        return bool(await self._connection.scalar(query))

    async def looks(self, patient_id: UUID, limit: int, *, before: datetime | None = None) -> tuple[Access, ...]:
        """Who looked at a patient's data, newest first; the patient's own looks are not among them."""
        query = (
            select(access_log, users.c.initials, users.c.title, teams.c.name.label("team"))
            .join(users, access_log.c.user_id == users.c.id)
            .outerjoin(teams, users.c.team_id == teams.c.id)
            .where(access_log.c.patient_id == patient_id, users.c.role != Role.PATIENT.value)
            .order_by(access_log.c.at.desc(), access_log.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(access_log.c.at < before)
        rows = await self._connection.execute(query)
        return tuple(Access(row.at, row.user_id, row.initials, row.title, row.team, row.view) for row in rows)


_CARE_TEAM: Final = select(users).where(users.c.team_id == bindparam("team"), users.c.active).order_by(users.c.initials)
_CONTACTS: Final = (
    select(contacts).where(contacts.c.user_id == bindparam("user")).order_by(contacts.c.position, contacts.c.id)
)
_ON_CALL: Final = (
    select(users, on_call.c.position, on_call.c.starts_at, on_call.c.ends_at)
    .join_from(on_call, users, on_call.c.user_id == users.c.id)
    .where(
        on_call.c.team_id == bindparam("team"),
        on_call.c.starts_at <= bindparam("at"),
        or_(on_call.c.ends_at.is_(None), on_call.c.ends_at > bindparam("at")),
        users.c.active,
    )
    .order_by(on_call.c.position, on_call.c.starts_at.desc(), on_call.c.id)
)


def _user_values(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "login": user.login.strip().lower(),
        "password_hash": user.password_hash,
        "role": user.role.value,
        "initials": user.initials,
        "title": user.title,
        "organisation_id": user.organisation_id,
        "team_id": user.team_id,
        "patient_id": user.patient_id,
        "locale": user.locale,
        "theme": user.theme,
        "single_keys": user.single_keys,
        "active": user.active,
        "time_zone": user.time_zone,
    }


def _user(row: Row[Any]) -> User:
    return User(
        row.id,
        row.login,
        row.password_hash,
        Role(row.role),
        row.initials,
        row.title,
        row.organisation_id,
        row.team_id,
        row.patient_id,
        row.locale,
        row.theme,
        row.single_keys,
        row.active,
        row.time_zone,
    )


def _contact(row: Row[Any]) -> Contact:
    return Contact(row.id, row.user_id, row.channel, row.address, row.secret, row.position, row.safe)
