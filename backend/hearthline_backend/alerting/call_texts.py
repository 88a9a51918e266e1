"""The words of a call. They leave the building: level and deadline, nothing about the patient unless the contact is
marked as safe."""

from zoneinfo import ZoneInfo

from hearthline_backend.alerting.channels import About, Message
from hearthline_backend.domain.rules import Level
from hearthline_backend.i18n import Gettext, gettext_for
from hearthline_backend.storage.records.calls import Occasion
from hearthline_backend.storage.records.notices import NoticeKind


def subject(message: Message) -> str:
    """The level and nothing else; a repeat says so first."""
    _ = gettext_for(message.locale)
    if message.notice is not None:
        return _repeated(message, _noticed(message.notice, _)[0], _)
    if message.occasion is Occasion.TRIAL:
        return _("Hearthline: a trial")
    text = _("Hearthline: red alert") if message.level is Level.RED else _("Hearthline: yellow alert")
    return _repeated(message, text, _)


def body(message: Message) -> str:
    """Plain text. What stands before the link works by itself."""
    _ = gettext_for(message.locale)
    sentences = " ".join(part for part in (_situation(message, _), _deadline(message, _), _report(message, _)) if part)
    emergency = _("Not an emergency service. If a life is in danger, call {number}.")
    about = () if message.about is None else (_about(message.about, _),)
    paragraphs = (
        _repeated(message, sentences, _),
        *about,
        message.link,
        emergency.format(number=message.emergency_number),
    )
    return "\n\n".join(paragraphs) + "\n"


def _about(about: About, _: Gettext) -> str:
    """What only a contact that is marked as safe is told."""
    kinds = {
        "blood_pressure": _("blood pressure"),
        "oxygen_saturation": _("oxygen"),
        "body_weight": _("weight"),
        "body_composition": _("body composition"),
        "body_temperature": _("temperature"),
        "glucose": _("glucose"),
        "heart_rate": _("pulse"),
        "respiratory_rate": _("breathing rate"),
        "peak_flow": _("peak flow"),
    }
    return _("{patient}: {kind}").format(patient=about.patient, kind=kinds.get(about.kind, about.kind))


def _noticed(notice: NoticeKind, _: Gettext) -> tuple[str, str]:
    """Subject and sentence of what is no patient's alert."""
    if notice is NoticeKind.HOME:
        return _("Hearthline: a home needs a hand"), _("Hearthline: a home needs a technician.")
    if notice is NoticeKind.REPORT:
        return _("Hearthline: a report needs to be read"), _(
            "Hearthline: a patient has turned yellow, and nobody has confirmed the report about it."
        )
    if notice is NoticeKind.BEHIND:
        return _("Hearthline: readings could not come in"), _(
            "Hearthline: the broker or the store was away when measurements were due."
        )
    return _("Hearthline: your team’s morning"), _("Hearthline: not everything is green in your team this morning.")


def _situation(message: Message, _: Gettext) -> str:
    if message.notice is NoticeKind.REPORT and message.occasion is Occasion.LAST_RESORT:
        return _("Hearthline: a report about a patient who has turned yellow needs you. Nobody else has confirmed it.")
    if message.notice is not None:
        return _noticed(message.notice, _)[1]
    if message.occasion is Occasion.TRIAL:
        return _("Hearthline: a trial. You are called last when nobody takes a red alert. There is nothing to do.")
    red = message.level is Level.RED
    if message.occasion is Occasion.COMES_BACK:
        if red:
            return _("Hearthline: a red alert is still open. Resolve it, or acknowledge it again.")
        return _("Hearthline: a yellow alert still waits for its review.")
    if message.occasion is Occasion.ASSIGNED:
        return _("Hearthline: you were given a red alert.") if red else _("Hearthline: you were given a yellow alert.")
    if message.occasion is Occasion.SNOOZE_OVER:
        if red:
            return _("Hearthline: a snoozed red alert is back and needs you.")
        return _("Hearthline: a snoozed yellow alert is back and needs you.")
    if message.occasion is Occasion.LAST_RESORT:
        if red:
            return _("Hearthline: a red alert needs you. Nobody on call has taken it.")
        return _("Hearthline: a yellow alert needs you. Nobody on call has taken it.")
    if message.occasion is Occasion.ESCALATED:
        if red:
            return _("Hearthline: a red alert needs you. Nobody has acknowledged it yet.")
        return _("Hearthline: a yellow alert needs you. Nobody else could be reached.")
    if message.occasion is Occasion.WORSENED and red:
        return _("Hearthline: an alert has become red and needs you.")
    return _("Hearthline: a red alert needs you.") if red else _("Hearthline: a yellow alert needs you.")


def _deadline(message: Message, _: Gettext) -> str:
    if message.acknowledge_by is None:
        return ""
    time = message.acknowledge_by.astimezone(ZoneInfo(message.time_zone)).strftime("%H:%M")
    if message.next_place is None:
        return _("Acknowledge by {time}, then you are called again.").format(time=time)
    if message.next_place == 0:
        return _("Acknowledge by {time}, then others are called.").format(time=time)
    if message.next_place == 1:
        return _("Acknowledge by {time}, then it goes to the first on call.").format(time=time)
    if message.next_place == 2:  # the second on call, as people say it
        return _("Acknowledge by {time}, then it goes to the second on call.").format(time=time)
    return _("Acknowledge by {time}, then it goes to the next on call.").format(time=time)


def _report(message: Message, _: Gettext) -> str:
    if message.confirm_by is None:
        return ""
    time = message.confirm_by.astimezone(ZoneInfo(message.time_zone)).strftime("%H:%M")
    return _("A report comes with it: read it and confirm it by {time}.").format(time=time)


def _repeated(message: Message, text: str, _: Gettext) -> str:
    return _("Repeat: {text}").format(text=text) if message.repeat else text
