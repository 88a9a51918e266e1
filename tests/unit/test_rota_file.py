"""A rota as a file: what it means, and that every mistake in it is told where it is."""

from datetime import date, time, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hearthline_backend.rota_file import EXAMPLE, Members, RotaFileError, read_rota
from hearthline_backend.storage.records.people import Role, User
from hearthline_backend.storage.records.rota_content import RotaContent

LOGINS = ("anna", "nils", "nora", "wera", "sofia", "stina", "head", "doc")
TEAM = uuid4()


def members(unreached: str = "") -> Members:
    people = {
        login: User(
            UUID(int=number), login, "!", Role.CARE, login[:2], "Doctor" if login == "doc" else "Nurse", TEAM, TEAM
        )
        for number, login in enumerate(LOGINS, 1)
    }
    return Members(people, frozenset(one.id for one in people.values() if one.login != unreached), "Europe/Stockholm")


def test_the_example_means_what_its_comments_say() -> None:
    content = read_rota(EXAMPLE, members())
    first, second = content.places
    assert len(first) == 5 + 4 + 1
    assert [(one.weekday, one.at, len(one.people)) for one in second] == [(0, time(8), 2)]
    assert (content.zone, content.first_week, content.day_begins) == ("Europe/Stockholm", date(2026, 11, 23), time(8))
    assert content.last_resort == (UUID(int=LOGINS.index("head") + 1),)
    assert content.confirm_within == timedelta(hours=2)
    assert [(one.place, one.title, one.channel, one.wait) for one in content.steps] == [
        (0, None, None, timedelta(minutes=5)),
        (None, "Doctor", "apprise", timedelta(minutes=10)),
    ]
    (quiet,) = content.quiet
    assert (quiet.begins, quiet.ends, quiet.user) == (time(22), time(7), UUID(int=LOGINS.index("nils") + 1))
    assert RotaContent.model_validate(content.as_json()) == content


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ('"anna"', '"anne"', "nobody in the team has the login 'anne'; there are: anna, doc"),
        ('last_resort = ["head"]', "last_resort = []", "last_resort"),
        ('last_resort = ["head"]', "", "last_resort: Field required"),
        ("at = 08:00:00, people = [\"anna\"]", "at = 25:00:00, people = [\"anna\"]", "this is not TOML"),
        ("wait_min = 5", "wait_min = 0", "step.1.wait_min"),
        ("confirm_report_min = 120", "confirm_report_min = 14", "confirm_report_min: Input should be greater"),
        ("wait_min = 5", "", "step.1.wait_min: Field required"),
        ("place = 1", "place = 3", "step 1: there is no place 3; the file has 2"),
        ("place = 1", "place = 1\ntitle = \"Doctor\"", "name exactly one"),
        ('title = "Doctor"', 'title = "Porter"', "nobody in the team has the title 'Porter'"),
        ('channel = "apprise"', 'channel = "pigeon"', "step.2.channel"),
        ('days = ["fri"], at = 20', 'days = ["fry"], at = 20', "place.1.turn.3.days.1"),
        ('days = ["fri"], at = 20', 'days = ["thu"], at = 20', "place 1: two turns begin on thu at 20:00"),
        ("until = 07:00:00", "until = 21:00:00", "at most 16 hours"),
        ('time_zone = "Europe/Stockholm"', 'time_zone = "Europe/Stokholm"', "there is no time zone"),
        ("first_week", "first_weak", "first_weak: there is no such key"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_is(wrong: str, right: str, said: str) -> None:
    assert wrong in EXAMPLE
    with pytest.raises(RotaFileError) as refused:
        read_rota(EXAMPLE.replace(wrong, right, 1), members())
    assert said in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_a_last_resort_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(RotaFileError, match="head has no contact"):
        read_rota(EXAMPLE, members(unreached="head"))


def test_the_how_to_shows_the_example_as_it_is() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "operator.md"
    assert EXAMPLE in page.read_text(encoding="utf-8")
