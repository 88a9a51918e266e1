"""A home's alerts on the technician's screen: what is wrong, since when, who has it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from hearthline_backend.alerting.home_calls import open_home_alert
from hearthline_backend.domain.home_faults import Fault
from hearthline_backend.domain.rules import Level
from hearthline_backend.domain.silence import Hop
from hearthline_backend.storage.records.alerts import Alert, AlertState, Happened
from hearthline_backend.storage.records.home_alerts import HomeAlertState
from hearthline_backend.storage.records.people import Contact
from tests.browser.ward_filling import open_ward
from tests.integration.web_visitor import visitor


async def test_a_technician_sees_and_takes_what_is_wrong_and_a_nurse_does_not(tmp_path: Path) -> None:
    async with open_ward(tmp_path) as ward:
        now = ward.clock()
        async with ward.records.begin() as unit:
            (gateway,) = [one for one in await unit.homes.gateways() if one.home == "0417"]
            fault = Fault("silent_hop", "", (Hop.GATEWAY, Hop.NETWORK), gateway.heard_at)
            alert = await open_home_alert(unit, gateway.name, fault, now)
        take = f"/homes/0417/alerts/{alert.id}/take"
        async with visitor(ward) as technician:
            await technician.sign_in("technician")
            text = await (await technician.get("/homes/0417")).text()
            assert "Broken, cannot be told apart: gateway, internet" in text
            assert "Nobody yet" in text
            assert (await technician.get(take)).status == 405
            assert (await technician.post("/homes/0417/alerts/99999/take")).status == 404
            assert (await technician.post(take)).status == 303
            text = await (await technician.get("/homes/0417")).text()
            assert " has it" in text
            assert take not in text
        async with ward.records.read() as unit:
            kept = await unit.home_alerts.get(alert.id)
            what = [one.what.value for one in await unit.home_alerts.events([alert.id])]
        assert kept is not None
        assert kept.state is HomeAlertState.ACKNOWLEDGED
        assert what[0] == "opened"
        assert what[-1] == "acknowledged"
        async with visitor(ward) as nurse:
            await nurse.sign_in("nurse")
            assert (await nurse.post(take)).status in (303, 403)


async def test_who_has_it_stands_in_the_list_and_it_is_given_back_and_taken_over(tmp_path: Path) -> None:
    async with open_ward(tmp_path) as ward:
        now = ward.clock()
        async with ward.records.begin() as unit:
            (gateway,) = [one for one in await unit.homes.gateways() if one.home == "0417"]
            fault = Fault("silent_hop", "", (Hop.GATEWAY, Hop.NETWORK), gateway.heard_at)
            alert = await open_home_alert(unit, gateway.name, fault, now)
            mine = ward.users["technician"]
            other = replace(mine, id=uuid4(), login="colleague", initials="R.B.")
            await unit.people.add_user(other)
            await unit.people.add_contact(Contact(uuid4(), other.id, "mail", "colleague@example.org", None, 0))
        at = f"/homes/0417/alerts/{alert.id}"
        async with visitor(ward) as technician, visitor(ward) as colleague:
            await technician.sign_in("technician")
            await colleague.sign_in("colleague")
            assert "Nobody yet" in await (await technician.get("/homes?show=all")).text()
            await technician.post(f"{at}/take")
            assert ">You<" in await (await technician.get("/homes?show=all")).text()
            assert ">J.T.<" in await (await colleague.get("/homes?show=all")).text()
            assert (await colleague.post(f"{at}/give-back")).status == 303  # only who has it gives it back
            assert "You have it" in await (await technician.get("/homes/0417")).text()
            await technician.post(f"{at}/give-back")
            text = await (await technician.get("/homes/0417")).text()
            assert "J.T. gave it back" in text
            assert "Nobody yet" in text
            await technician.post(f"{at}/take")
            await colleague.post(f"{at}/take", had=str(other.id))  # the page was of another time
            assert "J.T. has it" in await (await colleague.get("/homes/0417")).text()
            await colleague.post(f"{at}/take", had=str(mine.id))
            assert "R.B. has it" in await (await technician.get("/homes/0417")).text()
        async with ward.records.read() as unit:
            notices = [one.id for one in await unit.notices.of_home_alert(alert.id)]
            told = {one.notification.user_id for one in await unit.calls.of_notices(notices)}
        assert other.id in told  # it was given back to the others


async def test_an_alert_of_silence_says_why_and_what_cannot_be_told_apart(tmp_path: Path) -> None:
    async with open_ward(tmp_path) as ward:
        now = ward.clock()
        per = ward.patient_id("Per")
        detail = {
            "slots": 2, "hops": ["not_measured", "meter"], "certain": False, "meterless": False, "away": False,
            "since": (now - timedelta(days=2)).isoformat(), "care": True, "technician": True, "policy": {},
        }  # fmt: skip
        missing = Alert(
            id=0, patient_id=per, rule_id="missing.blood_pressure", episode=uuid4(), kind="blood_pressure",
            level=Level.YELLOW, state=AlertState.OPEN, cleared=False, review=False, plan_version=1, opened_at=now,
            effective_time=now - timedelta(hours=30), last_effective_time=now - timedelta(hours=6),
            worst_reading=uuid4(),
        )  # fmt: skip
        async with ward.records.begin() as unit:
            alert, _new = await unit.alerts.add(missing)
            await unit.alerts.record(alert.id, now, Happened.RAISED, detail=detail)
        async with visitor(ward) as nurse:
            await nurse.sign_in("nurse")
            text = await (await nurse.get(f"/alerts/{alert.id}")).text()
        assert "2 planned measurements in a row did not come: blood pressure." in text
        assert "1 missed slot is enough for yellow." in text
        assert "Cuff not heard: not measured, out of range, or battery." in text
        assert "A meter speaks only after a measurement, so from here these look the same." in text
        assert "The meter was last heard Fri 20 Nov 03:12." in text
        assert "The care team and the technicians are told." in text
        assert "Last measured " in text
        assert "No value" not in text
