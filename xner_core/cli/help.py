"""The help of a job on one or two screens: what a first user sets with all words, the rest by name."""

import argparse
import textwrap
from typing import Any

_WIDTH = 100
_INDENT = 24


def short_help(parser: Any) -> str:
    """What a job does, examples, its own settings, and the names of the settings of its parts.

    Args:
        parser: a `JobParser` of settings
    """
    own, parts = [], {}
    for action in parser._actions:
        name, _, rest = action.dest.partition(".")
        if name in parts:
            parts[name].append(rest)
        elif getattr(action, "_typehint", None) is None and action.default == argparse.SUPPRESS and _is_part(action):
            parts[name] = []
        elif hasattr(action, "_typehint") and not rest:
            own.append(action)
    parts = {name: names for name, names in parts.items() if names}
    about = {group._group_actions[0].dest: group.title or "" for group in parser._action_groups if group._group_actions}
    sections = [
        f"usage: {parser.prog.replace(' [options]', '')} [--SETTING VALUE ...]",
        *_paragraphs(parser.description or ""),
    ]
    if parser.examples:
        sections.append("examples:\n" + textwrap.indent(parser.examples.strip(), "  "))
    json = next(action for action in own if action.dest == "json")
    own.remove(json)
    sections.append("settings:\n" + "\n".join(_entry(f"--{each.dest}", _about(each)) for each in own))
    for name, names in parts.items():
        heading = f"--{name} FILE, or --{name}.SETTING: {_sentence(about[name])}"
        sections.append(textwrap.fill(heading, _WIDTH) + "\n" + _filled(_names(names), 2))
    sections.append(
        "more:\n"
        + "\n".join(
            [
                _entry("--config FILE", "settings from a YAML file; flags after it override it"),
                _entry("--print_config", "print all settings as YAML, to start a file from"),
                _entry("--json FILE", json.help),
                _entry("--help_all", "show every setting, each with its default"),
            ]
        )
    )
    return "\n\n".join(sections) + "\n"


def _is_part(action: Any) -> bool:
    return bool(action.option_strings) and action.dest not in ("help", "help_all", "print_config", "config")


def _paragraphs(text: str) -> list[str]:
    return [textwrap.fill(" ".join(each.split()), _WIDTH) for each in text.strip().split("\n\n") if each.strip()]


def _about(action: Any) -> str:
    text = _sentence(action.help or "")
    if action.required or action.default == argparse.SUPPRESS:
        return f"{text} (required)"
    default = action.default
    if default is None or default is False or default == []:
        return text
    return f"{text} (default: {', '.join(map(str, default)) if isinstance(default, list) else default})"


def _sentence(text: str) -> str:
    """A setting's description without what jsonargparse adds to it."""
    return " ".join(text.partition(" (required")[0].split()).rstrip(".:")


def _names(names: list[str]) -> str:
    """Names of settings; those of a part of the part together."""
    together: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition(".")
        inner = together.setdefault(first, [])
        if rest:
            inner.append(rest)
    return ", ".join(
        ", ".join(f"{name}.{each}" for each in inner) if inner else name for name, inner in together.items()
    )


def _filled(text: str, indent: int) -> str:
    margin = " " * indent
    return textwrap.fill(text, _WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)


def _entry(flag: str, text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH - _INDENT, break_on_hyphens=False, break_long_words=False) or [""]
    head = f"  {flag:<{_INDENT - 3}} " if len(flag) <= _INDENT - 4 else f"  {flag}\n{' ' * _INDENT}"
    return (head + f"\n{' ' * _INDENT}".join(lines)).rstrip()
