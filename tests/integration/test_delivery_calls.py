"""Calls to a real mail server and a real webhook receiver: at least once, repeats marked, nobody waits for another."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest

from hearthline_backend.alerting.calling import call_person
from hearthline_backend.alerting.channels import Channel
from hearthline_backend.alerting.channels_apprise import AppriseChannel
from hearthline_backend.alerting.delivery import Delivery, Retry
from hearthline_backend.alerting.mail import MailChannel, MailServer
from hearthline_backend.alerting.webhook import WebhookChannel
from hearthline_backend.domain.rules import Level
from hearthline_backend.storage.records.alerts import Happened
from hearthline_backend.storage.records.calls import AttemptOutcome, NotificationState, Occasion
from tests.fixtures.clinic import Clinic
from tests.fixtures.records import Engine, temporary_records
from tests.fixtures.sinks import HookSink, MailSink, hook_sink, mail_sink


@dataclass
class Post:
    """A clinic whose first nurse is reached by both sinks, the second by mail."""

    clinic: Clinic
    mail: MailSink
    hook: HookSink
    delivery: Delivery

    def another(self, **channels: Channel) -> Delivery:
        """The same after a restart, or with other channels."""
        return deliver(self.clinic, channels or channels_of(self.mail))

    async def send(self) -> int:
        """Send what is due and wait for the end of it."""
        started = await self.delivery.send_due()
        await self.delivery.settle()
        return started

    async def red(self) -> None:
        await self.clinic.arrive(self.clinic.measured(186, 112))


def channels_of(mail: MailSink) -> dict[str, Channel]:
    server = MailServer("127.0.0.1", mail.port, "Hearthline <calls@hearthline.example>")
    return {"mail": MailChannel(server), "webhook": WebhookChannel()}


def deliver(clinic: Clinic, channels: dict[str, Channel]) -> Delivery:
    return Delivery(
        clinic.records,
        channels,
        link=lambda number: f"https://care.example/alerts/{number}",
        clock=clinic.clock,
        events=clinic.events,
        retry=Retry(),
        jitter=lambda: 0.0,
    )


@pytest.fixture
async def post(tmp_path: Path, records_engine: Engine) -> AsyncIterator[Post]:
    async with opened(tmp_path, records_engine) as made:
        yield made


@asynccontextmanager
async def opened(folder: Path, engine: Engine = "sqlite") -> AsyncIterator[Post]:
    async with temporary_records(folder, engine) as records, mail_sink() as mail, hook_sink() as hook:
        clinic = Clinic(records)
        await clinic.open()
        await clinic.employ("E.S.", ("mail", "es@example.org"), ("webhook", hook.address))
        await clinic.employ("K.L.", ("mail", "kl@example.org"))
        made = Post(clinic, mail, hook, deliver(clinic, channels_of(mail)))
        yield made
        await made.delivery.close()


async def test_both_channels_carry_the_call_and_nothing_about_the_patient(post: Post) -> None:
    await post.red()
    assert await post.send() == 2
    alert = await post.clinic.alert()
    (mail,) = post.mail.mails
    assert mail["Subject"] == "Hearthline: red alert"
    assert mail.get_content().replace("\r\n", "\n") == (
        "Hearthline: a red alert needs you. Acknowledge by 03:19, then it goes to the second on call.\n\n"
        f"https://care.example/alerts/{alert.id}\n\n"
        "Not an emergency service. If a life is in danger, call 112.\n"
    )
    (posted,) = post.hook.posts
    body = json.loads(posted.body)
    (mailed, hooked) = [one.notification.id for one in await post.clinic.calls(alert)]
    assert mail["Message-ID"] == f"<{mailed}@hearthline.example>"
    assert body == {
        "notification": str(hooked),
        "alert": alert.id,
        "level": "red",
        "occasion": "raised",
        "repeat": False,
        "link": f"https://care.example/alerts/{alert.id}",
        "sent_at": "2026-11-22T02:04:00+00:00",
        "acknowledge_by": "2026-11-22T02:19:00+00:00",
    }
    ids = (str(mailed), str(hooked))
    for said in (mail.as_string().replace(ids[0], ""), posted.body.decode().replace(ids[1], "")):
        for secret in ("Ana", "1950", "186", "112/", "pressure", "hypertension", str(post.clinic.patient)):
            assert secret not in said
    assert {state for *_rest, state in await post.clinic.told(alert)} == {"sent"}
    assert await post.send() == 0


async def test_only_contacts_marked_as_safe_hear_whom_and_what_it_is_about(post: Post) -> None:
    async with post.clinic.records.begin() as unit:
        await unit.connection.exec_driver_sql("UPDATE contacts SET safe = true WHERE channel = 'webhook'")
    await post.red()
    await post.send()
    (mail,), (posted,) = post.mail.mails, post.hook.posts
    assert "Ana" not in mail.as_string()
    assert json.loads(posted.body)["about"] == {"patient": "Ana Test, 1950", "kind": "blood_pressure"}
    async with post.clinic.records.begin() as unit:
        await unit.connection.exec_driver_sql("UPDATE contacts SET safe = true WHERE channel = 'mail'")
    post.clinic.clock.turn(minutes=15)
    await post.clinic.escalation.run_due()
    await post.send()
    assert "\n\nAna Test, 1950: blood pressure\n\nhttps://" in post.mail.mails[-1].get_content().replace("\r\n", "\n")
    assert post.mail.mails[-1]["Subject"] == "Hearthline: red alert"


async def test_deadlines_are_told_by_the_clock_of_who_is_called(post: Post) -> None:
    async with post.clinic.records.begin() as unit:
        await unit.people.set_zone(post.clinic.people[0].id, "Europe/London")
    await post.red()
    await post.send()
    assert "Acknowledge by 02:19," in post.mail.mails[0].get_content()


async def test_a_message_by_apprise_is_a_channel_like_any_other(post: Post) -> None:
    third = await post.clinic.employ("N.N.", ("apprise", f"json://127.0.0.1:{post.hook.port}/call"))
    await post.red()
    channels: dict[str, Channel] = {"apprise": AppriseChannel(timeout_s=5)}
    await post.delivery.close()
    post.delivery = post.another(**channels)
    alert = await post.clinic.alert()
    async with post.clinic.records.begin() as unit:
        await call_person(unit, alert, third.id, Level.RED, Occasion.ESCALATED, post.clinic.clock.now)
    post.hook.answers = [503]
    await post.send()
    post.clinic.clock.turn(seconds=2)
    await post.send()
    titles = [json.loads(one.body)["title"] for one in post.hook.posts]
    assert titles == ["Hearthline: red alert", "Repeat: Hearthline: red alert"]
    told = next(one for one in await post.clinic.calls(alert) if one.channel == "apprise")
    assert [one.outcome for one in told.attempts] == [AttemptOutcome.UNKNOWN, AttemptOutcome.SENT]


async def test_the_webhook_is_signed_over_time_and_body(post: Post) -> None:
    await post.red()
    await post.send()
    (posted,) = post.hook.posts
    at, signature = (part.split("=")[1] for part in posted.headers["Hearthline-Signature"].split(","))
    digest = hmac.new(b"shared secret", f"{at}.".encode() + posted.body, sha256).hexdigest()
    assert hmac.compare_digest(signature, digest)
    assert posted.headers["Idempotency-Key"] == json.loads(posted.body)["notification"]
    assert "Hearthline-Repeat" not in posted.headers


async def test_killed_between_the_servers_yes_and_our_commit_it_goes_again_marked_as_a_repeat(post: Post) -> None:
    await post.red()
    alert = await post.clinic.alert()
    post.mail.held = post.hook.held = asyncio.Event()
    await post.delivery.send_due()
    await asyncio.wait_for(post.mail.waiting.wait(), 10)
    await asyncio.wait_for(post.hook.waiting.wait(), 10)
    await post.delivery.close()  # the messages are out, their outcome was never written
    post.mail.held.set()
    assert {one.attempts[0].outcome for one in await post.clinic.calls(alert)} == {None}

    post.delivery = post.another()
    assert await post.send() == 0, "the lease of the dead process still holds"
    post.clinic.clock.turn(seconds=61)
    assert await post.send() == 2
    mail, posted = post.mail.mails[-1], post.hook.posts[-1]
    mailed, hooked = [one.notification.id for one in await post.clinic.calls(alert)]
    assert mail["Subject"] == "Repeat: Hearthline: red alert"
    assert mail["Message-ID"] == f"<{mailed}@hearthline.example>"
    assert mail["Hearthline-Repeat"] == "true"
    assert mail.get_content().startswith("Repeat: Hearthline: a red alert needs you.")
    assert json.loads(posted.body)["repeat"] is True
    assert posted.headers["Idempotency-Key"] == str(hooked)
    for told in await post.clinic.calls(alert):
        assert [(one.number, one.repeat) for one in told.attempts] == [(1, False), (2, True)]
        assert told.notification.state is NotificationState.SENT


async def test_a_refusal_for_now_is_tried_again_later_and_is_no_repeat(post: Post) -> None:
    await post.red()
    post.mail.answers = ["451 try later", "451 try later"]
    post.hook.answers = [429]
    await post.send()
    assert post.mail.mails == []
    assert await post.send() == 0
    post.clinic.clock.turn(seconds=2)
    assert await post.send() == 2
    post.clinic.clock.turn(seconds=3)
    assert await post.send() == 0
    post.clinic.clock.turn(seconds=1)
    assert await post.send() == 1
    (mail,) = post.mail.mails
    assert mail["Subject"] == "Hearthline: red alert"
    told = (await post.clinic.calls(await post.clinic.alert()))[0]
    assert [one.outcome for one in told.attempts] == [
        AttemptOutcome.FAILED,
        AttemptOutcome.FAILED,
        AttemptOutcome.SENT,
    ]


async def test_a_receiver_that_failed_may_have_taken_it_so_the_next_says_repeat(post: Post) -> None:
    await post.red()
    post.hook.answers = [500]
    await post.send()
    post.clinic.clock.turn(seconds=2)
    await post.send()
    assert [json.loads(one.body)["repeat"] for one in post.hook.posts] == [False, True]


async def test_a_hanging_mail_server_times_out_and_never_holds_up_the_webhook(post: Post) -> None:
    await post.delivery.close()
    hasty = MailServer("127.0.0.1", post.mail.port, "calls@hearthline.example")
    post.delivery = deliver(post.clinic, {"mail": MailChannel(hasty, timeout_s=2), "webhook": WebhookChannel()})
    await post.red()
    post.mail.held = asyncio.Event()
    await post.delivery.send_due()
    await asyncio.wait_for(post.hook.arrived.wait(), 10)
    await post.delivery.settle()
    told = (await post.clinic.calls(await post.clinic.alert()))[0]
    assert [one.outcome for one in told.attempts] == [AttemptOutcome.UNKNOWN]
    assert told.notification.state is NotificationState.DUE


async def test_a_mail_server_that_is_down_costs_the_mail_but_the_webhook_reached_the_person(post: Post) -> None:
    await post.delivery.close()
    nobody = MailServer("127.0.0.1", 9, "calls@hearthline.example")
    post.delivery = deliver(post.clinic, {"mail": MailChannel(nobody), "webhook": WebhookChannel()})
    await post.red()
    for _ in range(6):
        await post.send()
        post.clinic.clock.turn(seconds=70)
    alert = await post.clinic.alert()
    assert await post.clinic.told(alert) == [
        ("E.S.", "mail", "raised", "failed"),
        ("E.S.", "webhook", "raised", "sent"),
    ]
    assert (await post.clinic.happened(alert))[-1] is Happened.NOT_DELIVERED


async def test_when_no_contact_of_a_person_works_the_next_person_is_called_at_once(post: Post) -> None:
    await post.red()
    post.mail.answers = ["550 no such user"]
    post.hook.answers = [410]
    await post.send()
    alert = await post.clinic.alert()
    assert {state for *_rest, state in await post.clinic.told(alert)} == {"failed"}
    assert await post.clinic.escalation.run_due() == 1
    await post.send()
    assert ("K.L.", "mail", "escalated", "sent") in await post.clinic.told(alert)
    assert post.mail.mails[-1]["To"] == "kl@example.org"


async def test_a_yellow_whose_mail_fails_goes_to_the_persons_webhook(post: Post) -> None:
    await post.clinic.arrive(post.clinic.measured(164, 92, ago_min=30), post.clinic.measured(166, 92))
    post.mail.answers = ["550 no such user"]
    await post.send()
    await post.send()
    assert await post.clinic.told(await post.clinic.alert()) == [
        ("E.S.", "mail", "raised", "failed"),
        ("E.S.", "webhook", "raised", "sent"),
    ]
    assert json.loads(post.hook.posts[0].body)["level"] == "yellow"


async def test_where_there_is_nobody_else_it_is_tried_until_somebody_takes_it(post: Post) -> None:
    async with post.clinic.records.begin() as unit:
        await unit.connection.exec_driver_sql("DELETE FROM on_call WHERE position = 1")
        await unit.connection.exec_driver_sql("UPDATE users SET active = false WHERE initials = 'K.L.'")
        await unit.connection.exec_driver_sql("DELETE FROM contacts WHERE channel = 'webhook'")
    await post.red()
    post.mail.answers = ["451 down"] * 12
    for _ in range(12):
        await post.send()
        post.clinic.clock.turn(minutes=5)
    alert = await post.clinic.alert()
    assert (await post.clinic.happened(alert)).count(Happened.NOT_DELIVERED) == 1
    await post.send()
    assert len(post.mail.mails) == 1


async def test_a_contact_by_a_channel_that_is_not_set_up_makes_way_after_a_minute(post: Post) -> None:
    await post.delivery.close()
    post.delivery = deliver(post.clinic, {"webhook": WebhookChannel()})
    async with post.clinic.records.begin() as unit:
        await unit.connection.exec_driver_sql("UPDATE contacts SET channel = 'apprise' WHERE channel = 'webhook'")
    third = await post.clinic.employ("N.N.", ("webhook", post.hook.address))
    await post.red()
    assert await post.send() == 0
    alert = await post.clinic.alert()
    for _ in range(4):
        post.clinic.clock.turn(seconds=61)
        await post.send()
        await post.clinic.escalation.run_due()
    await post.send()
    told = await post.clinic.told(alert)
    assert [one for one in told if one[3] == "sent"] == [(third.initials, "webhook", "escalated", "sent")]
    assert {one[3] for one in told if one[0] != third.initials} == {"failed"}
    detail = (await post.clinic.calls(alert))[0].attempts[0].detail
    assert detail == "the channel mail is not set up"
    assert await post.send() == 0


async def test_what_was_acknowledged_meanwhile_is_not_sent(post: Post) -> None:
    await post.red()
    await post.clinic.actions.acknowledge((await post.clinic.alert()).id, post.clinic.people[0])
    assert await post.send() == 0
    assert post.mail.mails == []


async def test_what_arrived_although_it_was_cancelled_is_recorded_as_sent(post: Post) -> None:
    await post.red()
    post.mail.held = asyncio.Event()
    await post.delivery.send_due()
    await asyncio.wait_for(post.mail.waiting.wait(), 10)
    alert = await post.clinic.alert()
    await post.clinic.actions.acknowledge(alert.id, post.clinic.people[0])
    post.mail.held.set()
    await post.delivery.settle()
    assert (await post.clinic.told(alert))[0] == ("E.S.", "mail", "raised", "sent")


async def test_many_calls_at_once_go_out_side_by_side_within_bounds(post: Post) -> None:
    await post.red()
    alert = await post.clinic.alert()
    async with post.clinic.records.begin() as unit:
        hook = (await unit.calls.of_alert(alert.id))[1].notification
        await unit.calls.add([replace(hook, id=uuid4()) for _ in range(40)])
    assert await post.delivery.send_due() == 1 + Retry().at_once
    await post.delivery.settle()
    while await post.send():
        pass
    assert len(post.hook.posts) == 41


def test_back_off_doubles_up_to_five_minutes_less_jitter() -> None:
    waits = [Retry().wait(tries, 0.0).total_seconds() for tries in (1, 2, 3, 8, 9, 50)]
    assert waits == [2, 4, 8, 256, 300, 300]
    assert Retry().wait(1, 1.0) == timedelta(seconds=1.5)
