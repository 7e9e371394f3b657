"""The command `xner`: a subcommand for each job."""

import sys
import textwrap
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

from xner_core import __version__
from xner_core.cli.commands import JOBS
from xner_core.cli.job import run_job


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the job that the first argument names with the others; exits as the job does.

    Args:
        arguments: of the command line; those of this process without it
    """
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in JOBS:
        run_job(JOBS[name], rest, prog=f"xner {name}")
    if name == "--version":
        print(f"xner {__version__}")
    elif name in ("--help", "-h"):
        print(usage())
    else:
        near = get_close_matches(name, JOBS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        print(f"error: no command {name!r}: {hint}there are {', '.join(JOBS)}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0)


def usage() -> str:
    """What `xner --help` shows."""
    jobs = [
        textwrap.fill(_summary(job.about), 100, initial_indent=f"  {name:<15}", subsequent_indent=" " * 17)
        for name, job in JOBS.items()
    ]
    return "\n".join(
        [
            "usage: xner COMMAND [--SETTING VALUE ...]",
            "",
            "Named entity recognition for languages nobody has labelled: a parallel corpus in, labels and a model out.",
            "",
            "commands:",
            *jobs,
            "",
            "xner COMMAND --help says what each takes; xner project alone projects the sample that comes with",
            "xner; xner --version shows the version.",
        ]
    )


def _summary(about: str) -> str:
    """The first sentence."""
    return " ".join(about.partition(".")[0].split())
