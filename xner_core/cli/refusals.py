"""What a command line or a file of settings is told when it is refused: one line that names what was given, where it
stands, what is expected, and an example.

The parser says why it refuses something in the words of its own types. Only the name of the setting is taken from that;
the rest comes from the setting's type, from the flags, and from the file.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

_UNKNOWN = [
    re.compile(r"Group '(?P<group>[^']*)' does not accept option '(?P<name>[^']*)'"),
    re.compile(r"Subcommand '[^']*' does not accept option '(?P<name>[^']*)'"),
    re.compile(r"Option '(?P<name>[^']*)' is not accepted"),
]
_UNRECOGNISED = re.compile(r"unrecognized arguments: (?P<rest>.*)", re.DOTALL)
_REQUIRED = re.compile(r"the following arguments are required: (?P<names>.*)")
_NO_VALUE = re.compile(r"argument (?P<option>--[\w.+]+)[^:]*: expected (one|at least one) argument")
_NO_COMMAND = re.compile(r'"command" to be one of ')
_KEY = re.compile(r'Parser key "(?P<key>[^"]+)":?\s*')
_CHOICE = re.compile(r"(invalid choice|unknown|expected).*?'(?P<given>[^']*)'.*?\(?choose from:? (?P<choices>[^)]*)")

# What is left of a message in terms of Python's types.
_PYTHON = re.compile(r"typing\.Literal|<class '|'>|Not of type \w+: ")

# By the names of jsonargparse's types of numbers.
_NUMBERS = {
    "int": ("a whole number", "1"),
    "float": ("a number", "0.5"),
    "PositiveInt": ("a whole number above 0", "1"),
    "NonNegativeInt": ("a whole number, 0 or more", "0"),
    "PositiveFloat": ("a number above 0", "0.5"),
    "NonNegativeFloat": ("a number, 0 or more", "0"),
    "ClosedUnitInterval": ("a number from 0 to 1", "0.5"),
}


@dataclasses.dataclass(frozen=True)
class Given:
    """What a parser was given.

    Attributes:
        types: type of each setting, by its dotted name
        flags: the arguments of the command line
        files: files of settings
        reading: that of them that was being read; none if all were taken
        command: the subcommand, if there is one
        commands: all of them
        renamed: settings that had other names, by the old ones; a name of a part stands for all within it
    """

    types: Mapping[str, Any]
    flags: Sequence[str] = ()
    files: Sequence[str] = ()
    reading: str | None = None
    command: str | None = None
    commands: Sequence[str] = ()
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def flag_value(self, key: str) -> str | None:
        """What the last flag of a setting gives."""
        value = None
        for i, flag in enumerate(self.flags):
            if flag in (f"--{key}", f"--{key}+"):
                value = self.flags[i + 1] if i + 1 < len(self.flags) else ""
            elif flag.startswith(f"--{key}="):
                value = flag.partition("=")[2]
        return value

    def node(self, key: str) -> tuple[str, yaml.Node] | None:
        """The file that gives a setting, and where it does; none if a flag gives it, which goes above files."""
        if self.reading is None and self.flag_value(key) is not None:
            return None
        part, _, rest = key.partition(".")
        own = self.flag_value(part) if rest else None
        if own and Path(own).is_file() and (node := _node(own, rest)) is not None:
            return own, node
        files = [self.reading] if self.reading else reversed(self.files)
        return next(((file, node) for file in files if (node := _node(file, key)) is not None), None)


def refusal(message: str, given: Given) -> str:
    """A parser's message in the words of this module; a message of another kind as it is, in one line."""
    keys = list(_KEY.finditer(message))
    for pattern in _UNKNOWN:
        # With a key before it, it is about one item of a list, which is answered below.
        if not keys and (found := pattern.search(message)):
            name = ".".join(part for part in (found.groupdict().get("group"), found["name"]) if part)
            return _unknown(_without_command(name, given), given)
    if found := _UNRECOGNISED.search(message):
        return _unrecognised(found["rest"], given)
    if found := _REQUIRED.search(message):
        names = " and ".join(f"--{_without_command(name.strip(), given)}" for name in found["names"].split(","))
        return f"{names} must be given; --help says what to name"
    if found := _NO_VALUE.search(message):
        option = found["option"]
        return f"{option}: no value; {_expected(given.types.get(option[2:], str), '', option)}"
    if _NO_COMMAND.search(message):
        return f"name a command first: {', '.join(given.commands)}; each takes --help"
    if found := _CHOICE.search(message):
        near = get_close_matches(found["given"], re.findall(r"[\w-]+", found["choices"]), 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"no command {found['given']!r}: {hint}there are {found['choices'].replace(chr(39), '')}"
    if keys:
        # The innermost that is a setting: before it are the parts, after it what an item of its list has.
        named = [(_without_command(found["key"], given), message[found.end() :]) for found in keys]
        return _bad_value(*next((each for each in reversed(named) if each[0] in given.types), named[0]), given)
    if given.reading:
        return _bad_file(message, given.reading)
    return " ".join(message.split())


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid dotted name that was most likely meant: one that ends likewise, or one spelt almost so."""
    valid = list(valid)
    name = name.replace("-", "_")
    if "." in name and (found := get_close_matches(name, valid, 1, 0.85)):
        return found[0]
    last = name.rpartition(".")[2]
    ends = [each for each in valid if each.rpartition(".")[2] == last]
    if len(ends) == 1:
        return ends[0]
    found = get_close_matches(name, ends or valid, 1, 0.6)
    if not found:
        by_end = {each.rpartition(".")[2]: each for each in valid}
        found = [by_end[end] for end in get_close_matches(last, by_end, 1, 0.75)]
    return found[0] if found else (ends[0] if ends else None)


def new_name(name: str, renamed: Mapping[str, str]) -> str | None:
    """What a setting is named now that had another name; None if it had not."""
    if name in renamed:
        return renamed[name]
    part, _, rest = name.partition(".")
    return f"{renamed[part]}.{rest}" if rest and part in renamed else None


def _unknown(name: str, given: Given) -> str:
    """An unknown key of a file."""
    found = given.node(name)
    place = f"{found[0]}:{found[1].start_mark.line + 1}: " if found else ""
    if new := new_name(name, given.renamed):
        return f"{place}{name!r} is named {new.replace(' ', ': ')!r} now"
    near = nearest(name, given.types)
    hint = f"did you mean {near}? " if near else ""
    return f"{place}no setting {name!r}; {hint}--help_all lists all"


def _unrecognised(rest: str, given: Given) -> str:
    flag = next((word for word in rest.split() if word.startswith("-")), None)
    if flag is None:
        return f"what is {rest!r}? Every setting has a flag; a value with spaces stands in quotes; --help_all lists all"
    flag = flag.partition("=")[0]
    if new := new_name(flag.lstrip("-"), given.renamed):
        return f"{flag} is named --{new} now"
    near = nearest(flag.lstrip("-"), [*given.types, "config", "json", "help", "help_all", "print_config"])
    hint = f"did you mean --{near}? " if near else ""
    return f"no flag {flag}; {hint}--help_all lists all"


def _without_command(name: str, given: Given) -> str:
    return name.removeprefix(f"{given.command}.") if given.command and name not in given.types else name


def _bad_value(key: str, reason: str, given: Given) -> str:
    place = _place(key, given)
    if key not in given.types:
        return _bad_group(key, place, reason, given)
    value = _value(key, given)
    way = f"{key.rpartition('.')[2]}:" if given.node(key) else f"--{key}"
    expected = _expected(given.types[key], value or "", way)
    if any(dataclasses.is_dataclass(each) for each in _parts(given.types[key])):
        innermost = " ".join(reason.strip().splitlines()[-1].strip(" -").split())
        expected += f" ({re.sub(_PYTHON, '', innermost)})" if innermost else ""
    return f"{place}{'' if value is None else f' {value}'}: {expected}"


def _bad_group(key: str, place: str, reason: str, given: Given) -> str:
    if key == "config":
        return f"{given.flag_value(key) or 'config'}: no such file, or it cannot be read"
    below = [name for name in given.types if name.startswith(f"{key}.")]
    if below:
        example = new_name(key, given.renamed) or below[0]
        return f"{place}: holds settings of its own, as in --{example}; give these, or a YAML file of them"
    return f"{place}: {' '.join(reason.split())}"


def _bad_file(message: str, file: str) -> str:
    try:
        content = yaml.compose(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return f"{file}: no such file, or it cannot be read as UTF-8"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        return f"{file}{line}: not valid YAML ({getattr(error, 'problem', None) or error}); see what stands before it"
    if not isinstance(content, yaml.MappingNode):
        return f"{file}: not a map of settings; expected lines such as 'target: de'"
    return f"{file}: {' '.join(message.split())}"


def _place(key: str, given: Given) -> str:
    """Where a setting was given: its flag, or the line of the file."""
    found = given.node(key)
    return f"{found[0]}:{found[1].start_mark.line + 1}: {key}" if found else f"--{key}"


def _value(key: str, given: Given) -> str | None:
    """What was given, as it was written; none if that is more than a line, or not found."""
    found = given.node(key)
    if found is None:
        return given.flag_value(key)
    start, end = found[1].start_mark, found[1].end_mark
    return (start.buffer or "")[start.pointer : end.pointer].strip() if start.line == end.line else None


def _node(file: str, key: str) -> yaml.Node | None:
    try:
        node = yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    for part in key.split("."):
        inner = node.value if isinstance(node, yaml.MappingNode) else []
        match = next((pair for pair in inner if pair[0].value == part), None)
        if match is None:
            return None
        node = match[1]
    return node


def _expected(hint: Any, given: str, way: str) -> str:
    """What a type takes, and an example of how to give it, after a flag or a key."""
    text, example = describe(hint)
    if example.startswith("[") and given and given[0] not in "[{":
        example = f"[{given}]"
    quoted = f"'{example}'" if example[0] in "[{" and way.startswith("--") else example
    return f"expected {text}, as in {way} {quoted}"


def describe(hint: Any) -> tuple[str, str]:
    """What values of a type are, in words, and an example of one."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    name = getattr(hint, "__name__", "")
    if name in _NUMBERS:
        return _NUMBERS[name]
    if hint is bool:
        return "true or false", "true"
    if origin is typing.Literal:
        return " or ".join(map(str, arguments)), str(arguments[0])
    if origin in (typing.Union, types.UnionType):
        parts = [describe(part) for part in arguments if part is not types.NoneType]
        texts = [text for text, _ in parts] + (["null"] if types.NoneType in arguments else [])
        return " or ".join(texts), parts[0][1]
    if origin is list:
        text, example = describe(arguments[0])
        return (
            f"a list, each {text.removeprefix('a ')}" if "or" in text else f"a list of {_plural(text)}",
            f"[{example}]",
        )
    if origin is dict:
        return "a map", "{name: value}"
    if dataclasses.is_dataclass(hint):
        first = dataclasses.fields(hint)[0]
        return "a map of settings", f"{{{first.name}: {first.default}}}"
    return "a text", "name"


def _plural(text: str) -> str:
    return re.sub(r"^(an? )?(whole )?(\w+)", r"\2\3s", text)


def _parts(hint: Any) -> list[Any]:
    """A type and all types in it."""
    return [hint, *(part for argument in typing.get_args(hint) for part in _parts(argument))]
