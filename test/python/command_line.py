"""Runs every command of the official command line, found by walking its tree: command_line.py RESULTS_FILE.

Reads TINKER_BASE_URL and TINKER_API_KEY as the program does. A command of which COMMANDS says nothing is a failure.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import tinker
from local_key import token_key
from report import Report, settle
from tinker import types
from tinker.cli.__main__ import main_cli

PROGRAM = Path(sys.executable).with_name("tinker")
BASE_MODEL = "local/random"


class World:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())

    @cached_property
    def training(self) -> Any:
        service = tinker.ServiceClient()
        return settle(service.create_lora_training_client(base_model=BASE_MODEL, rank=4, seed=1))

    @cached_property
    def run_id(self) -> str:
        return self.training.get_info().model_id

    @cached_property
    def state(self) -> str:
        return settle(self.training.save_state("state")).path

    @cached_property
    def weights(self) -> str:
        return settle(self.training.save_weights_for_sampler("weights")).path

    @cached_property
    def spare(self) -> str:
        return settle(self.training.save_weights_for_sampler("spare")).path


@dataclass
class Command:
    arguments: Callable[[World], list[str]]
    shows: Callable[[World], str] = lambda w: ""
    typed: str = ""
    environment: dict[str, str | None] = field(default_factory=dict)


def hours(ago: int) -> str:
    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    return (now - timedelta(hours=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


NO_KEY = {"TINKER_API_KEY": None}
COMMANDS: dict[str, Command] = {
    "version": Command(lambda w: [], lambda w: f"tinker {tinker.__version__}"),
    "run list": Command(lambda w: [], lambda w: w.run_id.split(":")[0]),
    "run info": Command(lambda w: [w.run_id], lambda w: BASE_MODEL),
    "checkpoint list": Command(lambda w: ["--run-id", w.run_id], lambda w: w.state.split("/", 3)[3]),
    "checkpoint info": Command(lambda w: [w.state], lambda w: w.state.split("/", 3)[3]),
    "checkpoint publish": Command(lambda w: [w.weights]),
    "checkpoint unpublish": Command(lambda w: [w.weights]),
    "checkpoint set-ttl": Command(lambda w: [w.spare, "--ttl", "7200"]),
    "checkpoint delete": Command(lambda w: [w.spare, "-y"], lambda w: "1"),
    "checkpoint download": Command(lambda w: [w.state, "-o", str(w.folder)]),
    "session export-trace": Command(lambda w: [w.run_id.split(":")[0], "-o", str(w.folder / "trace")]),
    "billing usage": Command(lambda w: [hours(24), hours(0)]),
    "billing checkpoint-storage": Command(lambda w: []),
    "model list": Command(lambda w: [], lambda w: BASE_MODEL),
    "auth login": Command(lambda w: [], typed="tml-local\n", environment=NO_KEY),
    "auth status": Command(lambda w: [], lambda w: "Tinker accessible: yes"),
    "auth whoami": Command(lambda w: [], lambda w: "org-1", environment={"TINKER_API_KEY": token_key()}),
    "auth logout": Command(lambda w: [], typed="y\n", environment=NO_KEY),
}

# What no local server can offer.
CANNOT = {"checkpoint push-hf": "it uploads to the public model hub"}


def leaves(command: click.Command, name: str = "") -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield name
        return
    context = click.Context(command)
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        if found is not None:
            yield from leaves(found, f"{name} {child}".strip())


def run(world: World, name: str) -> None:
    command = COMMANDS.get(name)
    if command is None:
        raise NotImplementedError("nothing says how to run this command")
    expected = command.shows(world)
    environment = {**os.environ, "COLUMNS": "200", **command.environment}
    done = subprocess.run(
        [PROGRAM, *name.split(), *command.arguments(world)],
        input=command.typed,
        env={key: value for key, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}: {' '.join(done.stderr.split())}")
    assert expected in done.stdout, f"printed {done.stdout!r}"


def main(results: Path) -> None:
    report = Report(results)
    world = World()
    # In the order of COMMANDS, since some need what others leave behind.
    for name in sorted(leaves(main_cli), key=lambda leaf: list(COMMANDS).index(leaf) if leaf in COMMANDS else -1):
        if name in CANNOT:
            report.add("command", name, "cannot", CANNOT[name])
        else:
            report.attempt("command", name, lambda name=name: run(world, name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
