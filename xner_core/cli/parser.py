"""The parser of all command lines: settings from YAML files and flags over them, help that fits a screen or two."""

import dataclasses
import re
import sys
import types
import typing
from argparse import HelpFormatter
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import yaml
from jsonargparse import ActionConfigFile, ArgumentParser, Namespace, set_loader

from xner_core.cli.help import short_help
from xner_core.cli.refusals import Given, refusal

_OPTION = re.compile(r"^--[\w.-]+")


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

    def __call__(
        self, parser: "JobParser", namespace: Namespace, values: Any, option_string: str | None = None
    ) -> None:
        parser.root.files.append(str(values))
        super().__call__(parser, namespace, values, option_string)
        parser.root.read.append(parser.root.files[-1])


class JobParser(ArgumentParser):
    """A parser that takes `--a-b` for `--a_b` and `a,b` for a list, and refuses in one line what it does not know.

    Args:
        renamed: of settings that had other names, by the old ones
        examples: command lines to show
    """

    def __init__(self, *args: Any, renamed: Mapping[str, str] | None = None, examples: str = "", **named: Any) -> None:
        settings: dict[str, Any] = {"parser_mode": _MODE, "allow_abbrev": False} | named
        super().__init__(*args, **settings)
        self.renamed = renamed or {}
        self.examples = examples
        self.flags: Sequence[str] = ()
        # Files of settings that were begun, and those of them that were taken.
        self.files: list[str] = []
        self.read: list[str] = []

    @classmethod
    def of_settings(cls, settings: type, **named: Any) -> "JobParser":
        """The parser of a dataclass of settings."""
        parser = cls(**named)
        parser.add_argument("--help_all", action="help", help="show every setting, each with its default")
        parser.add_argument("--config", action=_SettingsFile, help="YAML file of settings; flags after it override it")
        parser.add_argument(
            "--json", type=str | None, default=None, metavar="FILE", help="write the results there as JSON"
        )
        parser.add_class_arguments(settings, as_group=False)
        for action in parser._actions:
            # A yes-or-no setting is also a plain switch.
            if getattr(action, "_typehint", None) is bool:
                action.nargs, action.const = "?", True
        return parser

    @property
    def root(self) -> "JobParser":
        """The parser of the whole command line."""
        return getattr(self, "parent_parser", self)

    def parse_args(self, args: Sequence[str] | None = None, *more: Any, **named: Any) -> Namespace:
        args = sys.argv[1:] if args is None else args
        self.flags = self._lists([_OPTION.sub(_underscored, arg) for arg in args])
        return super().parse_args(self.flags, *more, **named)

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """Help on what a first user sets; with `--help_all`, on everything."""
        if self.types and "--help_all" not in self.root.flags:
            return short_help(self)
        return super().format_help(formatter)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if not self.exit_on_error:
            super().error(message, ex)
        print(f"error: {refusal(message, self._given())}", file=sys.stderr)
        self.exit(2)

    @property
    def types(self) -> dict[str, Any]:
        """The type of each setting, by its dotted name."""
        return {action.dest: action._typehint for action in self._actions if hasattr(action, "_typehint")}

    def _chosen(self, flags: Sequence[str]) -> tuple[str | None, "JobParser"]:
        """The subcommand that flags name, and its parser; this one if there are none."""
        command = next((flag for flag in flags if flag in self._subcommands), None)
        return command, self._subcommands[command] if command else self

    @property
    def _subcommands(self) -> dict[str, "JobParser"]:
        return next((each.choices for each in self._actions if isinstance(each.choices, dict)), {})

    def _lists(self, flags: list[str]) -> list[str]:
        """The flags, with `a,b` written as a list where one is expected."""
        known = self._chosen(flags)[1].types
        written = list(flags)
        for i, flag in enumerate(flags):
            option, equals, value = flag.partition("=")
            if not (option.startswith("--") and _is_plain_list(known.get(option[2:].removesuffix("+")))):
                continue
            if equals:
                written[i] = f"{option}={_as_list(value)}"
            elif i + 1 < len(flags) and not flags[i + 1].startswith("--"):
                written[i + 1] = _as_list(flags[i + 1])
        return written

    def _given(self) -> Given:
        root = self.root
        command, parser = root._chosen(root.flags)
        reading = root.files[-1] if len(root.files) > len(root.read) else None
        return Given(parser.types, root.flags, root.files, reading, command, list(root._subcommands), parser.renamed)


def _underscored(option: re.Match[str]) -> str:
    return "--" + option[0][2:].replace("-", "_")


def _is_plain_list(hint: Any) -> bool:
    """Whether a type is a list, or one or nothing, of values that are written in one word."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(map(_is_plain_list, typing.get_args(hint)))
    return typing.get_origin(hint) is list and not any(
        dataclasses.is_dataclass(part) or typing.get_origin(part) in (tuple, dict) for part in typing.get_args(hint)
    )


def _as_list(value: str) -> str:
    parts = [part.strip() for part in value.split(",")]
    if value[:1] in ("[", "{") or value in ("null", "~") or not all(parts):
        return value
    return "[" + ", ".join(map(_quoted, parts)) + "]"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
