"""Writes docs/reference from the code: kinds, messages (JSON Schema), topics (AsyncAPI 3), settings, commands, metrics,
meters.

`python scripts/reference.py` writes; `--check` exits 1 and names what is out of date.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic.json_schema import models_json_schema

from hearthline_backend.cli import app as backend_app
from hearthline_backend.operations.metrics import Metrics
from hearthline_backend.replay.rules_page import rules_page
from hearthline_backend.settings import settings_table as backend_table
from hearthline_backend.watch.metrics import WatchMetrics
from hearthline_backend.watch.settings import settings_table as watch_table
from hearthline_gateway.cli import app as gateway_app
from hearthline_gateway.cli_answer import SHAPE
from hearthline_gateway.exit_codes import MEANINGS
from hearthline_gateway.meter_models import MeterModel, models
from hearthline_gateway.settings_table import settings_table as gateway_table
from hearthline_protocol import topics
from hearthline_protocol.commands import Command, CommandReply
from hearthline_protocol.configuration import DesiredConfiguration, ReportedConfiguration
from hearthline_protocol.kinds import GLUCOSE_SAMPLES, KINDS
from hearthline_protocol.messages import (
    MAX_BATCH_BYTES,
    MAX_BATCH_READINGS,
    SCHEMA,
    GatewayStatus,
    ReadingsBatch,
    Receipt,
    SyntheticAlert,
)

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by scripts/reference.py from the code. Change the code, then run it again. -->\n\n"


def kinds_page() -> str:
    rows = [
        f"| `{kind.name}` | {'**' if field.name in kind.required else ''}{field.name}"
        f"{'**' if field.name in kind.required else ''} | {field.unit} | {field.step:g} "
        f"| {field.possible[0]:g} to {field.possible[1]:g} | {field.loinc or '–'} | {field.mdc or '–'} |"
        for kind in KINDS.values()
        for field in kind.fields.values()
    ]
    samples = [
        f"| `{name}` | {codes.loinc_mass or '–'} | {codes.loinc_moles or '–'} | {codes.mdc} |"
        for name, codes in GLUCOSE_SAMPLES.items()
    ]
    return (
        "# Kinds\n\n"
        + NOTE
        + "Every field Hearthline stores, its one unit (UCUM), the step meters print, the physically possible "
        "range and its codes. Bold fields are required: without them a reading has no value.\n\n"
        "| kind | field | unit | step | possible | LOINC | MDC |\n| --- | --- | --- | --- | --- | --- | --- |\n"
        + "\n".join(rows)
        + "\n\n## Glucose by sample\n\n"
        "What a glucose value was measured in decides its codes: the word stands in the reading's context as "
        "`sample_type`. The LOINC code also depends on the unit it is told in.\n\n"
        "| sample | LOINC, mg/dL | LOINC, mmol/L | MDC |\n| --- | --- | --- | --- |\n" + "\n".join(samples) + "\n"
    )


def schema() -> dict[str, Any]:
    _, document = models_json_schema(
        [
            (model, "serialization")
            for model in (
                ReadingsBatch,
                Receipt,
                SyntheticAlert,
                GatewayStatus,
                DesiredConfiguration,
                ReportedConfiguration,
                Command,
                CommandReply,
            )
        ],
        title=f"Hearthline messages, schema {SCHEMA}",
    )
    return document


def schema_page() -> str:
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema()}, indent=2) + "\n"


def asyncapi_page() -> str:
    def channel(name: str, message: str, summary: str) -> dict[str, Any]:
        return {
            "address": f"{topics.ROOT}/{{gateway}}/{name}",
            "summary": summary,
            "parameters": {"gateway": {"description": f"The gateway's name, {topics.GATEWAY_NAME.pattern}"}},
            "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        }

    def message(model: str, correlated: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "contentType": "application/json",
            "payload": {"$ref": f"messages.schema.json#/$defs/{model}"},
        }
        if correlated:
            body["correlationId"] = {
                "description": "MQTT 5 Correlation Data: the batch id",
                "location": "$message.header#/correlationData",
            }
        return body

    def operation(action: str, name: str) -> dict[str, Any]:
        return {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "bindings": {"mqtt": {"qos": 1}}}

    receipts = channel("receipts", "receipt", "Backend to gateway: what became of each reading")
    receipts["messages"]["syntheticAlert"] = {"$ref": "#/components/messages/syntheticAlert"}
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hearthline, between home and backend",
            "version": f"{SCHEMA}.0.0",
            "description": "MQTT 5 only. Sessions are clean on both sides; the gateway's outbox is the only queue. "
            f"A batch holds at most {MAX_BATCH_READINGS} readings and {MAX_BATCH_BYTES} bytes, and is kept until a "
            "receipt names each reading.",
        },
        "channels": {
            "readings": channel("readings", "batch", "Gateway to backend: batches of readings"),
            "receipts": receipts,
            "status": channel("status", "status", "Gateway to backend, retained, and the last will"),
            "config": channel("config", "config", "Backend to gateway, retained: the configuration wanted"),
            "configReported": channel("config/reported", "configReported", "Gateway to backend, retained: in force"),
            "commands": channel("commands", "command", "Backend to gateway, never retained: something to do now"),
            "commandReplies": channel("commands/replies", "commandReply", "Gateway to backend: how a command goes"),
        },
        "operations": {
            "sendReadings": operation("send", "readings"),
            "receiveReceipts": operation("receive", "receipts"),
            "sendStatus": operation("send", "status"),
            "receiveConfig": operation("receive", "config"),
            "sendConfigReported": operation("send", "configReported"),
            "receiveCommand": operation("receive", "commands"),
            "sendCommandReply": operation("send", "commandReplies"),
        },
        "components": {
            "messages": {
                "batch": message("ReadingsBatch", correlated=True),
                "receipt": message("Receipt", correlated=True),
                "syntheticAlert": message("SyntheticAlert", correlated=False),
                "status": message("GatewayStatus", correlated=False),
                "config": message("DesiredConfiguration", correlated=False),
                "configReported": message("ReportedConfiguration", correlated=False),
                "command": message("Command", correlated=False),
                "commandReply": message("CommandReply", correlated=False),
            }
        },
    }
    return json.dumps(document, indent=2) + "\n"


def meters_page() -> str:
    ordered = sorted(models().values(), key=lambda model: (model.generic, model.device, model.title.casefold()))
    made = sum(not model.generic for model in ordered)
    intro = (
        f"{made} models of makers, and a generic model of each kind for others that keep to the Bluetooth profile. "
        "The name in code is the model's name in `gateway.toml`; the facts come from one file per model in "
        "`firmware-config/meters`.\n\n"
    )
    parts = [
        "# Supported meters\n\n",
        NOTE,
        intro,
        "| model | device | services | pairing | clock | users | stored records |\n",
        "| --- | --- | --- | --- | --- | --- | --- |\n",
        *(_meter_row(model) for model in ordered),
        "\n",
        *(_meter_section(model) for model in ordered),
    ]
    return "".join(parts).rstrip() + "\n"


def _meter_row(model: MeterModel) -> str:
    anchor = "".join(sign for sign in model.title.lower() if sign.isalnum() or sign in " -").replace(" ", "-")
    return (
        f"| [{model.title}](#{anchor})<br>`{model.name}` | {model.device.replace('_', ' ')} "
        f"| {' '.join(model.services)} | {_pairing(model)} | {_clock(model)} | {model.users or '–'} "
        f"| {_stored_records(model)} |\n"
    )


def _pairing(model: MeterModel) -> str:
    if model.advertises is not None:
        return "none, never connected"
    digits = {"shown": ", digits on its display", "printed": ", digits printed on it", None: ""}[model.digits]
    return f"bond{digits}{', a code for each slot' if model.consent else ''}" if model.pair else "none"


def _clock(model: MeterModel) -> str:
    return "none" if model.clock is None else f"{model.clock}, {'read and set' if model.set_clock else 'read'}"


def _stored_records(model: MeterModel) -> str:
    if model.stored_records:
        return "asked for by number"
    if model.advertises is not None:
        return "none"
    return "sent once, then deleted" if model.deletes_on_confirmation else "as it sends them"


def _meter_section(model: MeterModel) -> str:
    facts = [f"Measures {', '.join(model.measurements)}."] if model.measurements else ["Advertises its measurements."]
    if model.names:
        facts.append(f"Advertises as {' or '.join(f'`{name}`' for name in model.names)}.")
    facts.append(f"Left alone for {model.reconnect_after_s:g} s after it hung up.")
    if model.big_endian:
        facts.append(f"Wrong byte order: {', '.join(f'`{name}`' for name in model.big_endian)}.")
    if model.unflagged:
        facts.append(f"Sent without its flag: {', '.join(f'`{name}`' for name in model.unflagged)}.")
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(model.steps, 1))
    sources = "\n".join(f"- {source}" for source in model.sources)
    return f"## {model.title}\n\n{' '.join(facts)}\n\n{steps}\n\nSources:\n\n{sources}\n\n"


def settings_page() -> str:
    parts = ["# Settings\n\n", NOTE]
    tables: dict[str, Sequence[Any]] = {
        "Gateway (`gateway.toml`)": gateway_table(),
        "Backend": backend_table(),
        "Watchdog (`hearthline watch`)": watch_table(),
    }
    for title, table in tables.items():
        parts.append(
            f"## {title}\n\n| setting | environment | type | default | meaning |\n| --- | --- | --- | --- | --- |\n"
        )
        parts += [
            f"| `{row.name}` | `{row.environment}` | {row.type} | {row.default} | {row.help} |\n".replace("||", "| |")
            for row in table
        ]
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def metrics_page() -> str:
    rows = [
        f"| `{row.name}` | {row.kind} | {', '.join(f'`{label}`' for label in row.labels) or '–'} | {row.help} |\n"
        for row in (*Metrics().rows, *WatchMetrics().rows)
    ]
    return (
        "# Metrics\n\n"
        + NOTE
        + "What `/metrics` of `hearthline serve` and `hearthline work` says, and, as `hearthline_watch_`, that of "
        "`hearthline watch`, for Prometheus. Each process counts for "
        "itself: add up counters and histograms over all of them, and take the greatest of what is said to be the same "
        "in every process. No label names a patient, a home or a value. Beside these stand the client library's own "
        "`process_` and `python_gc_` figures. How to ask for them, and rules to begin with: "
        "[Is it well?](../how-to/operator.md#is-it-well)\n\n"
        "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n" + "".join(rows)
    )


def commands_page() -> str:
    parts = ["# Commands\n\n", NOTE]
    for name, application in (("hearthline", backend_app), ("hearthline-gateway", gateway_app)):
        parts.append(f"## {name}\n\n")
        if application is gateway_app:
            parts.append(_gateway_answers())
        parts += _command(typer.main.get_command(application), name)
    return "".join(parts).rstrip() + "\n"


def _gateway_answers() -> str:
    codes = "".join(f"| {int(code)} | {meaning} |\n" for code, meaning in MEANINGS.items())
    fields = "".join(f"| `{field}` | {meaning} |\n" for field, meaning in SHAPE.items())
    return (
        "Exit codes:\n\n| code | meaning |\n| --- | --- |\n"
        f"{codes}\nWith `--json` a command answers with one line, an object of this shape:\n\n"
        f"| field | meaning |\n| --- | --- |\n{fields}\n"
        "`run --json` logs in JSON instead, and the lines of `decode -` are JSON as they are. Values are masked unless "
        "`--show-values`; who used it is written to `values-shown.log` in `gateway.data_dir` first. Where a gateway "
        "runs, commands go through its socket (`gateway.control_socket`), which its user and group may use; else "
        "`scan`, `pair` and `unpair` use the adapter themselves. `--install-completion` adds shell completion.\n\n"
    )


def _command(command: Any, path: str) -> list[str]:
    parts: list[str] = []
    for name, child in sorted(getattr(command, "commands", {}).items()):
        full = f"{path} {name}"
        if getattr(child, "commands", None):
            parts += _command(child, full)
            continue
        parts.append(f"### `{full}`\n\n{(child.help or '').strip()}\n\n")
        rows = [
            f"| `{', '.join(parameter.opts) if parameter.param_type_name == 'option' else parameter.name.upper()}` "
            f"| {getattr(parameter, 'help', None) or ''} |\n"
            for parameter in child.params
            if parameter.name != "help"
        ]
        if rows:
            parts += ["| argument | meaning |\n| --- | --- |\n", *rows, "\n"]
    return parts


PAGES: dict[str, Callable[[], str]] = {
    "kinds.md": kinds_page,
    "messages.schema.json": schema_page,
    "asyncapi.json": asyncapi_page,
    "meters.md": meters_page,
    "settings.md": settings_page,
    "commands.md": commands_page,
    "rules.md": lambda: rules_page(NOTE, FOLDER.parent / "examples" / "rules"),
    "metrics.md": metrics_page,
}


def stale() -> list[str]:
    """Names of the pages that no longer say what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text(encoding="utf-8") != page()
    ]


def main() -> int:
    if "--check" in sys.argv[1:]:
        late = stale()
        for name in late:
            print(f"docs/reference/{name} is out of date: run python scripts/reference.py")
        return 1 if late else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
