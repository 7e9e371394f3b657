"""What the command lines of all jobs share: settings from YAML and flags, `--json`, and exit statuses.

Exit status 0 is done or nothing to do (the JSON says which), 2 is bad input or bad settings, 1 is a failure.
"""

import dataclasses
import inspect
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from xner_core.errors import RunFailure, XnerError
from xner_core.files import locate, write_json

Result = dict[str, Any]


_OPTION = re.compile(r"^--[\w.-]+")


def _underscored(option: re.Match[str]) -> str:
    return "--" + option[0][2:].replace("-", "_")


@dataclasses.dataclass(frozen=True)
class Command:
    """One thing that a job does: a function of a settings dataclass that returns its results as plain JSON values.

    The results hold at least `status`: "done", or with a `reason` "nothing to do" or "failed", if that is a part of it.
    """

    settings: type
    run: Callable[[Any], Result]


class JobParser(ArgumentParser):
    """A parser that takes `--a-b` for `--a_b`, and whose refusal of an unknown key names the valid ones."""

    def parse_args(self, args: Sequence[str] | None = None, *more: Any, **named: Any) -> Namespace:
        args = sys.argv[1:] if args is None else args
        return super().parse_args([_OPTION.sub(_underscored, arg) for arg in args], *more, **named)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if any(words in message for words in ("nrecognized", "not accept", "not expected", "nknown")):
            valid = sorted(option for option in self._option_string_actions if option.startswith("--"))
            message = f"{message}\nvalid options: {' '.join(valid)}"
        super().error(message, ex)


def build_parser(description: str, commands: Command | Mapping[str, Command]) -> JobParser:
    """The parser of a job with one command, or with a subcommand for each name."""
    parser = JobParser(description=description)
    if isinstance(commands, Mapping):
        subcommands = parser.add_subcommands(dest="command")
        for name, command in commands.items():
            subcommand = build_parser(inspect.getdoc(command.run), command)
            subcommands.add_subcommand(name, subcommand, help=inspect.getdoc(command.run).splitlines()[0])
        return parser
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file of settings; flags after it override it")
    parser.add_argument("--json", type=str | None, default=None, metavar="FILE", help="write the results there as JSON")
    parser.add_class_arguments(commands.settings, as_group=False)
    for action in parser._actions:
        # A yes-or-no setting is also a plain switch.
        if getattr(action, "_typehint", None) is bool:
            action.nargs, action.const = "?", True
    return parser


def _settings(command: Command, parser: JobParser, arguments: Namespace) -> Any:
    names = [field.name for field in dataclasses.fields(command.settings)]
    try:
        values = parser.instantiate(arguments)
        return command.settings(**{name: values[name] for name in names})
    except (ValueError, TypeError) as error:
        parser.error(str(error))


def run_job(
    description: str, commands: Command | Mapping[str, Command], arguments: Sequence[str] | None = None
) -> NoReturn:
    """Parses the command line, runs the command it names, writes its results, and exits."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    # Requests to model hubs are logged one by one otherwise.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    parser = build_parser(description, commands)
    parsed = parser.parse_args(arguments)
    command = commands
    if isinstance(commands, Mapping):
        name = parsed.command
        command, parser, parsed = commands[name], build_parser(description, commands[name]), parsed[name]
    try:
        result = command.run(_settings(command, parser, parsed))
        if parsed.json:
            write_json(locate(parsed.json), result)
    except XnerError as error:
        if parsed.json:
            write_json(locate(parsed.json), {"status": "failed", "reason": str(error)})
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, RunFailure) else 2)
    if result["status"] != "done":
        print(f"{result['status']}: {result['reason']}")
    sys.exit(1 if result["status"] == "failed" else 0)
