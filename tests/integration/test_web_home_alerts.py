"""A home's alerts on the technician's screen: what is wrong, since when, who has it."""

from pathlib import Path

from hearthline_backend.alerting.home_calls import open_home_alert
from hearthline_backend.domain.home_faults import Fault
from hearthline_backend.domain.silence import Hop
from hearthline_backend.storage.records.home_alerts import HomeAlertState
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
