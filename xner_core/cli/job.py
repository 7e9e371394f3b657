"""What all jobs share: a command line that becomes settings, `--json`, and exit statuses.

Exit status 0 is done or nothing to do (the JSON says which), 2 is bad input or bad settings, 1 is a failure, 130 and
143 are Ctrl-C and SIGTERM. Whatever is heavy to import is imported when the command line was understood.
"""

import dataclasses
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from jsonargparse import Namespace

from xner_core.cli.parser import JobParser
from xner_core.engine.interruption import interruptible
from xner_core.errors import RunFailure, XnerError

Result = dict[str, Any]
Run = Callable[[Any], Result]


@dataclasses.dataclass(frozen=True)
class Command:
    """One thing that a job does: a function of a settings dataclass that returns its results as plain JSON values.

    The results hold at least `status`: "done", or with a `reason` "nothing to do" or "failed", if that is a part of it.

    Attributes:
        settings: the dataclass
        run: the function, or where it is, as `package.module:function`, to be imported when it is to run
        about: what it does, with a first line that stands alone
        examples: command lines to show
        renamed: of settings that had other names, by the old ones
    """

    settings: type
    run: Run | str
    about: str = ""
    examples: str = ""
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __call__(self, settings: Any) -> Result:
        if not isinstance(self.run, str):
            return self.run(settings)
        module, _, name = self.run.partition(":")
        return getattr(import_module(module), name)(settings)


@dataclasses.dataclass(frozen=True)
class Job:
    """A command line: one command, or a subcommand for each name.

    Attributes:
        about: what it does
        commands: the command, or the commands by name
    """

    about: str
    commands: Command | Mapping[str, Command]


def build_parser(job: Job, prog: str | None = None) -> JobParser:
    """The parser of a job.

    Args:
        job: the job
        prog: how it was called; the name of the script without it
    """
    if isinstance(job.commands, Command):
        return _command_parser(job.commands, job.about, prog)
    parser = JobParser(description=job.about, prog=prog)
    subcommands = parser.add_subcommands(dest="command")
    for name, command in job.commands.items():
        subparser = _command_parser(command, command.about, prog and f"{prog} {name}")
        subcommands.add_subcommand(name, subparser, help=command.about.partition("\n")[0])
    return parser


def _command_parser(command: Command, about: str, prog: str | None) -> JobParser:
    return JobParser.of_settings(
        command.settings, description=about, prog=prog, renamed=command.renamed, examples=command.examples
    )


def run_job(job: Job, arguments: Sequence[str] | None = None, prog: str | None = None) -> NoReturn:
    """Parses the command line, runs the command that it names, writes its results, and exits.

    Args:
        job: the job
        arguments: of the command line; those of this process without it
        prog: how the job was called; the name of the script without it
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    # Requests to model hubs are logged one by one otherwise.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with interruptible() as interruption:
        try:
            result = _run(job, arguments, prog)
        except KeyboardInterrupt:
            interruption.end_children()
            print("interrupted; what is finished is kept, and the same command goes on from there", file=sys.stderr)
            sys.exit(interruption.status)
    if result["status"] != "done":
        print(f"{result['status']}: {result['reason']}")
    sys.exit(1 if result["status"] == "failed" else 0)


def _run(job: Job, arguments: Sequence[str] | None, prog: str | None) -> Result:
    parser = build_parser(job, prog)
    parsed = parser.parse_args(arguments)
    command = job.commands
    if not isinstance(command, Command):
        name = parsed.command
        command, parsed = command[name], parsed[name]
        parser = _command_parser(command, command.about, prog)
    record = None
    try:
        record = _record(parsed.json)
        result = command(_settings(command, parser, parsed))
        if record:
            record(result)
    except (XnerError, KeyboardInterrupt) as error:
        if record:
            reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
            record({"status": "failed", "reason": reason})
        if isinstance(error, KeyboardInterrupt):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, RunFailure) else 2)
    return result


def _settings(command: Command, parser: JobParser, arguments: Namespace) -> Any:
    names = [field.name for field in dataclasses.fields(command.settings)]
    try:
        values = parser.instantiate(arguments)
        return command.settings(**{name: values[name] for name in names})
    except (ValueError, TypeError) as error:
        parser.error(str(error))


def _record(file: str | None) -> Callable[[Result], None] | None:
    """What writes results to the file of `--json`; none without one.

    Raises:
        XnerError: nothing can be written there.
    """
    if not file:
        return None
    from xner_core.storage.files import locate, write_json
    from xner_core.storage.outputs import require_output

    require_output("json", file)
    return lambda result: write_json(locate(file), result)
