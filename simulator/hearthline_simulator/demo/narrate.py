"""What the demo says on the terminal: where to go, who can sign in, and each hop of the first reading as it happens."""

from datetime import datetime
from typing import Final

import typer

from hearthline_simulator.demo.chain import DIASTOLIC, SYSTOLIC, Hop
from hearthline_simulator.demo.sinks import Delivery
from hearthline_simulator.ward.profiles import ASTRID

_WORDS: Final = {
    Hop.DECODED: "heard and decoded",
    Hop.OUTBOX: "safe in the home's outbox",
    Hop.PUBLISHED: "published on MQTT",
    Hop.STORED: "stored",
    Hop.RECEIPTED: "receipt is back in the home",
    Hop.JUDGED: "judged",
    Hop.ALERT: "red alert opened",
    Hop.MAIL: "mail reached the nurse",
    Hop.WEBHOOK: "webhook reached the nurse",
    Hop.ACKNOWLEDGED: "acknowledged",
}
_ROLES: Final = {"nurse": "Nurse on call", "technician": "Technician", "astrid": "Patient (Astrid)"}


class Narrator:
    """Writes to the terminal; colours only where there is one."""

    def starting(self) -> None:
        """The first word."""
        typer.secho("Hearthline demo", bold=True)
        typer.echo("Only the radio and the meters are simulated. Nobody here is a real person.")
        typer.echo("Starting broker, backend, a simulated home and its gateway, and 24 more patients …")

    def doors(self, url: str, wanted_port: int, passwords: dict[str, str]) -> None:
        """Where to go, and the three logins of this start."""
        if not url.endswith(f":{wanted_port}"):
            typer.echo(f"Port {wanted_port} is taken, so the web is on the next free one.")
        typer.echo("")
        typer.echo(f"  Open  {typer.style(url, bold=True)}")
        typer.echo("")
        for login, role in _ROLES.items():
            typer.echo(f"  {role:<18} login {login:<12} password {passwords[login]}")
        typer.echo("")

    def measuring(self) -> None:
        """Before the first hop."""
        typer.echo(
            f"Astrid measures: {SYSTOLIC}/{DIASTOLIC} mmHg. Its way, in seconds since the first process started:"
        )

    def hop(self, hop: Hop, at_s: float, at: datetime, evidence: str) -> None:
        """One hop has its evidence."""
        words = typer.style(f"{_WORDS[hop]:<28}", bold=hop in (Hop.ALERT, Hop.ACKNOWLEDGED))
        typer.echo(f"{at_s:7.2f} s  {_clock(at)}  {words}{typer.style(evidence, dim=True)}")

    def broken(self, hop: Hop, reason: str) -> None:
        """A hop did not happen."""
        typer.secho(f"Not seen: {_WORDS[hop]}. {reason}", err=True)

    def waiting(self, url: str) -> None:
        """The nurse's turn."""
        typer.echo("")
        typer.echo(f"Sign in as the nurse at {url} and acknowledge it. Ctrl-C ends everything.")
        typer.echo(
            f"Or as the technician, at {url}/homes/{ASTRID.home}: find and pair the new cuff that lies beside the "
            "gateway. Type 'unplug broker' here (or meters, bluetooth, gateway, internet, store) to see both the page "
            "and the gateway's doctor name the broken hop; 'plug broker' mends it."
        )

    def call(self, delivery: Delivery) -> None:
        """A mail or a webhook that came after the first ones."""
        repeat = " (a repeat)" if delivery.repeat else ""
        typer.echo(
            f"           {_clock(delivery.at)}  {delivery.channel} to {delivery.address}: {delivery.title}{repeat}"
        )

    def measured(self, device: str, at: datetime) -> None:
        """Somebody used a meter again."""
        typer.echo(f"           {_clock(at)}  Astrid uses the {device}")

    def plugged(self, hop: str, *, mended: bool) -> None:
        """A hop was unplugged or mended by the person at the terminal."""
        typer.secho(f"           {hop} {'plugged in' if mended else 'unplugged'}; its doctor looks …", bold=True)

    def doctor(self, verdict: str) -> None:
        """What the gateway's doctor says of it."""
        typer.echo(f"           {verdict}")

    def not_done(self, reason: str) -> None:
        """What was typed cannot be done."""
        typer.secho(f"           {reason}", err=True)

    def ending(self) -> None:
        """After Ctrl-C."""
        typer.echo("\nStopping everything …")

    def ended(self, kept: str | None) -> None:
        """The last word."""
        typer.echo("Stopped. Nothing is left running." + (f" The data is in {kept}." if kept else ""))

    def failed(self, reason: str) -> None:
        """The demo cannot go on."""
        typer.secho(reason, err=True)


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S")
