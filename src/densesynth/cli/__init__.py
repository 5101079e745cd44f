"""The command line: `densesynth demo | generate | audit | show | …`, one module for each group of commands.

A user's mistake ends in one readable line and a non-zero status; a traceback is always a defect of ours. Heavy imports
wait until a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Union

import tyro
from rich.console import Console

import densesynth
from densesynth.cli import (
    cutting,
    evaluating,
    fitting,
    harmonising,
    looking,
    making,
    predicting,
    reproducing,
    surfaces,
    training,
)
from densesynth.cli.command import EXIT_BREACH, EXIT_CLOSED, EXIT_INTERRUPTED, EXIT_MISTAKE, Command
from densesynth.errors import DensesynthError

__all__ = ["COMMANDS", "EXIT_BREACH", "EXIT_INTERRUPTED", "EXIT_MISTAKE", "main", "run"]

COMMANDS: tuple[Command, ...] = (
    *making.COMMANDS,
    *looking.COMMANDS,
    *surfaces.COMMANDS,
    *cutting.COMMANDS,
    *fitting.COMMANDS,
    *harmonising.COMMANDS,
    *training.COMMANDS,
    *evaluating.COMMANDS,
    *predicting.COMMANDS,
    *reproducing.COMMANDS,
)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the `densesynth` command."""
    try:
        status = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # who read the output has enough of it (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the last flush would fail too
        status = EXIT_CLOSED
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit status."""
    if arguments == ["--version"]:
        print(f"densesynth {densesynth.__version__}")
        return 0
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        options = _parse(arguments)
        command = next(command for command in COMMANDS if isinstance(options, command.options))
        return command.run(options)
    except DensesynthError as error:
        errors.print(f"densesynth: {error}", markup=False)
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        errors.print("densesynth: stopped; what is finished stays, and the same command goes on from there")
        return EXIT_INTERRUPTED


def _parse(arguments: list[str]) -> Any:
    """Arguments → the options of one command. Words of a command are joined first (`assets check` → `assets-check`)."""
    kinds = []
    for command in COMMANDS:
        words = command.name.split()
        joined = "-".join(words)
        if arguments[: len(words)] == words:
            arguments = [joined, *arguments[len(words) :]]
        default = {}
        if command.defaults is not None and arguments[:1] == [joined]:
            found = command.defaults(arguments[1:])
            default = {} if found is None else {"default": found}
        kinds.append(Annotated[command.options, tyro.conf.subcommand(joined, **default)])
    kind: Any = Union[tuple(kinds)]  # noqa: UP007 - built at run time
    return tyro.cli(
        kind,
        args=arguments,
        prog="densesynth",
        description="Pictures of people for which every pixel's point on the body surface is known exactly.",
    )
