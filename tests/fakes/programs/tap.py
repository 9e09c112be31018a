"""A tap of the tests, as Singer's specification has it: standard library only, and a program of its own.

Its configuration names a file with rows. With `day` it sends those of that date, with a state those that changed since
its bookmark. `mode` makes it misbehave.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STREAM = "sales"
ROW = {"receipt": "X", "sold_at": "2024-01-15T11:00:00Z"}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--config", "--catalog", "--state"):
        parser.add_argument(name)
    parser.add_argument("--discover", action="store_true")
    given = parser.parse_args()
    config = read(given.config)
    log(given, config)
    if given.discover:
        say(json.dumps(catalog(config), indent=2))
        return
    if given.catalog and not is_selected(read(given.catalog)):
        sys.exit("the stream is not selected")
    misbehave(config)
    rows = read(config["rows"])
    state = read(given.state) if given.state else {}
    since = state.get("bookmarks", {}).get(STREAM, {}).get("updated_at", config.get("since", ""))
    rows = [row for row in rows if "day" not in config or row["sold_at"].startswith(config["day"])]
    rows = [row for row in rows if (row.get("updated_at") or "") >= since]
    columns = sorted({key for row in rows for key in row} | {"note"})
    send({"type": "SCHEMA", "stream": STREAM, "schema": schema(columns), "key_properties": ["receipt"]})
    send({"type": "ACTIVATE_VERSION", "stream": STREAM, "version": 1})
    for row in rows:
        record = {name: value for name, value in row.items() if value is not None}
        send({"type": "RECORD", "stream": STREAM, "record": record, "time_extracted": "2024-01-16T00:00:00Z"})
    send({"type": "STATE", "value": {"bookmarks": {STREAM: {"updated_at": "2024-01-16T08:00:00Z"}}}})
    misbehave_at_the_end(config)


def misbehave(config: dict[str, Any]) -> None:
    mode = config.get("mode")
    if mode in BEFORE:
        BEFORE[mode](config)


def misbehave_at_the_end(config: dict[str, Any]) -> None:
    mode = config.get("mode")
    if mode == "fails":
        sys.stderr.write(f"Unauthorized: key {config['api_key']} is not valid\n")
        sys.exit(3)
    if mode == "broken line":
        say('{"type": "RECORD", "stream": "sales", "record": {"receipt": "Z"')
    if mode == "killed":
        sys.stdout.flush()
        os.kill(os.getpid(), 9)
    if mode == "hangs at the end":
        sys.stdout.flush()
        os.close(1)
        time.sleep(600)


def hang(config: dict[str, Any]) -> None:
    child = subprocess.Popen(["/bin/sleep", "600"])
    describe()
    if "pids" in config:
        new = Path(config["pids"] + ".new")
        new.write_text(json.dumps([os.getpid(), child.pid, str(Path.cwd())]), encoding="utf-8")
        new.rename(config["pids"])
    time.sleep(600)


def send_without_end(_: dict[str, Any]) -> None:
    describe()
    number = 0
    while True:
        number += 1
        send({"type": "RECORD", "stream": STREAM, "record": {**ROW, "receipt": str(number)}})


def send_a_huge_line(_: dict[str, Any]) -> None:
    describe()
    while True:
        sys.stdout.write("x" * 1_000_000)


def print_noise(_: dict[str, Any]) -> None:
    say("Starting to extract…")
    say("")
    send({"type": "RECORD", "stream": "customers", "record": {}})
    send({"type": "SOMETHING_NEW", "data": 1})


def send_no_object(_: dict[str, Any]) -> None:
    describe()
    send({"type": "RECORD", "stream": STREAM, "record": [1]})


BEFORE: dict[str, Callable[[dict[str, Any]], object]] = {
    "hangs": hang,
    "endless": send_without_end,
    "huge line": send_a_huge_line,
    "noise": print_noise,
    "record first": lambda _: send({"type": "RECORD", "stream": STREAM, "record": ROW}),
    "no stream": lambda _: sys.exit(0),
    "batch": lambda _: send({"type": "BATCH", "stream": STREAM, "manifest": []}),
    "list": lambda _: say("{}"),
    "not an object": send_no_object,
    "no state": lambda _: send({"type": "STATE"}),
}


def catalog(config: dict[str, Any]) -> Any:
    if config.get("mode") == "no catalog":
        return ["nonsense"]
    names = ("customers", STREAM)
    return {
        "streams": [{"tap_stream_id": name, "stream": name, "schema": schema([]), "metadata": []} for name in names]
    }


def is_selected(given: dict[str, Any]) -> bool:
    found = {each["tap_stream_id"]: each for each in given["streams"]}
    chosen = {
        name
        for name, each in found.items()
        for part in each["metadata"]
        if part["breadcrumb"] == [] and part["metadata"].get("selected")
    }
    return chosen == {STREAM}


def schema(columns: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {} for name in columns}, "required": ["receipt"]}


def describe() -> None:
    send({"type": "SCHEMA", "stream": STREAM, "schema": schema([]), "key_properties": []})


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    if message["type"] == "SCHEMA":
        sys.stdout.flush()


def read(path: str) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def log(given: argparse.Namespace, config: dict[str, Any]) -> None:
    """Note how it was called, for the tests."""
    if "log" in config:
        entry = {**vars(given), "environment": dict(os.environ), "mode": oct(Path(given.config).stat().st_mode)[-3:]}
        with Path(config["log"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**entry, "config_read": config}) + "\n")


if __name__ == "__main__":
    main()
