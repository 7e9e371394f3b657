"""What the command lines of all jobs share: settings from YAML and flags, `--json`, and exit statuses.

Exit status 0 is done or nothing to do (the JSON says which), 2 is bad input or bad settings, 1 is a failure, 130 and
143 are Ctrl-C and SIGTERM.
"""

import dataclasses
import inspect
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import yaml
from jsonargparse import ActionConfigFile, ArgumentParser, Namespace, set_loader

from xner_core.cli.refusals import Given, refusal
from xner_core.engine.interruption import interruptible
from xner_core.errors import RunFailure, XnerError
from xner_core.storage.files import locate, write_json
from xner_core.storage.outputs import require_output

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


class _Loader(yaml.SafeLoader):
    """Takes every value as it is written: what is a number, a switch or null, the type of the setting says."""

    # Of the rules that guess a type, only those of merge keys and of nothing at all stay.
    yaml_implicit_resolvers = {  # noqa: RUF012
        "<": yaml.SafeLoader.yaml_implicit_resolvers["<"],
        **{first: [("tag:yaml.org,2002:null", re.compile("~?$"))] for first in ("", "~")},
    }


def _load(text: str) -> Any:
    return yaml.load(text, _Loader)


_MODE = "yaml as written"
set_loader(_MODE, _load, (yaml.YAMLError,))


class _SettingsFile(ActionConfigFile):
    """Notes which files are read, so that what is wrong in one can be shown there."""

    def __call__(self, parser: "JobParser", namespace: Namespace, values: Any, option_string: str | None = None):
        parser.root.files.append(str(values))
        super().__call__(parser, namespace, values, option_string)
        parser.root.read.append(parser.root.files[-1])


class JobParser(ArgumentParser):
    """A parser that takes `--a-b` for `--a_b`, and refuses in one line, which names what was meant."""

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **{"parser_mode": _MODE, "allow_abbrev": False} | named)
        self.flags: Sequence[str] = ()
        # Files of settings that were begun, and those of them that were taken.
        self.files: list[str] = []
        self.read: list[str] = []

    @property
    def root(self) -> "JobParser":
        """The parser of the whole command line."""
        return getattr(self, "parent_parser", self)

    def parse_args(self, args: Sequence[str] | None = None, *more: Any, **named: Any) -> Namespace:
        args = sys.argv[1:] if args is None else args
        self.flags = [_OPTION.sub(_underscored, arg) for arg in args]
        return super().parse_args(self.flags, *more, **named)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:
            super().error(message, ex)
        print(f"error: {refusal(message, self._given())}", file=sys.stderr)
        self.exit(2)

    def _given(self) -> Given:
        root = self.root
        subcommands = next((each.choices for each in root._actions if isinstance(each.choices, dict)), {})
        command = next((flag for flag in root.flags if flag in subcommands), None)
        parser = subcommands[command] if command else self
        types = {action.dest: action._typehint for action in parser._actions if hasattr(action, "_typehint")}
        reading = root.files[-1] if len(root.files) > len(root.read) else None
        return Given(types, root.flags, root.files, reading, command)


def build_parser(description: str, commands: Command | Mapping[str, Command]) -> JobParser:
    """The parser of a job with one command, or with a subcommand for each name."""
    parser = JobParser(description=description)
    if isinstance(commands, Mapping):
        subcommands = parser.add_subcommands(dest="command")
        for name, command in commands.items():
            subcommand = build_parser(inspect.getdoc(command.run), command)
            subcommands.add_subcommand(name, subcommand, help=inspect.getdoc(command.run).splitlines()[0])
        return parser
    parser.add_argument("--config", action=_SettingsFile, help="YAML file of settings; flags after it override it")
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
    with interruptible() as interruption:
        try:
            result = _run(description, commands, arguments)
        except KeyboardInterrupt:
            interruption.end_children()
            print("interrupted; what is finished is kept, and the same command goes on from there", file=sys.stderr)
            sys.exit(interruption.status)
    if result["status"] != "done":
        print(f"{result['status']}: {result['reason']}")
    sys.exit(1 if result["status"] == "failed" else 0)


def _run(description: str, commands: Command | Mapping[str, Command], arguments: Sequence[str] | None) -> Result:
    parser = build_parser(description, commands)
    parsed = parser.parse_args(arguments)
    command = commands
    if isinstance(commands, Mapping):
        name = parsed.command
        command, parser, parsed = commands[name], build_parser(description, commands[name]), parsed[name]
    record = None
    try:
        if parsed.json:
            require_output("json", parsed.json)
            record = locate(parsed.json)
        result = command.run(_settings(command, parser, parsed))
        if record:
            write_json(record, result)
    except (XnerError, KeyboardInterrupt) as error:
        if record:
            reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
            write_json(record, {"status": "failed", "reason": reason})
        if isinstance(error, KeyboardInterrupt):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, RunFailure) else 2)
    return result
