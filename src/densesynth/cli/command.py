"""What every command is made of, and the exit statuses of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EXIT_BREACH = 1  # the command worked, and what it looked at is wrong
EXIT_MISTAKE = 2  # the command or its files need mending
EXIT_INTERRUPTED = 130
EXIT_CLOSED = 141  # nobody reads the output any more


@dataclass(frozen=True, kw_only=True)
class Command:
    """One subcommand. name: as typed; two words are two levels (`assets check`). options: the dataclass whose fields
    and docstrings are the options and their help. run: options → exit status. defaults: looks at the arguments before
    they are parsed and answers the options that they override (a recipe file's values), or None."""

    name: str
    options: type
    run: Callable[[Any], int]
    defaults: Callable[[list[str]], Any | None] | None = None
