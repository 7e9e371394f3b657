"""All jobs as `xner` and as scripts: the same settings, in a second of CPU, with help that fits two screens."""

import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from xner_core import __version__
from xner_core.cli.commands import JOBS
from xner_core.cli.job import Command, build_parser
from xner_core.cli.main import main
from xner_core.cli.refusals import new_name

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "ray", "pyarrow", "polars", "numpy", "tokenizers"}


def commands() -> dict[str, Command]:
    """Every command by the words that name it."""
    named = {}
    for name, job in JOBS.items():
        if isinstance(job.commands, Command):
            named[name] = job.commands
        else:
            named |= {f"{name} {sub}": command for sub, command in job.commands.items()}
    return named


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.mark.parametrize("name", commands())
def test_help_fits_two_screens_and_shows_every_setting(name, capsys):
    assert run(*name.split(), "--help") == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 100
    assert max(map(len, text.splitlines())) <= 110
    assert f"usage: xner {name}" in text
    for setting in build_parser_of(name).types:
        assert setting.partition(".")[2] in text if "." in setting else f"--{setting}" in text


@pytest.mark.parametrize("name", ["project", "evaluate tagger"])
def test_all_of_it_is_shown_when_asked_for(name, capsys):
    assert run(*name.split(), "--help_all") == 0
    text = capsys.readouterr().out
    assert all(f"--{setting} " in text for setting in build_parser_of(name).types)


def build_parser_of(name: str):
    job, _, sub = name.partition(" ")
    parser = build_parser(JOBS[job])
    return parser._chosen([sub])[1] if sub else parser


@pytest.mark.parametrize("name", commands())
def test_what_a_command_runs_is_there(name):
    module, _, function = commands()[name].run.partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", commands())
def test_new_names_are_those_of_settings_and_old_ones_are_not(name):
    types = build_parser_of(name).types
    parts = {setting.rpartition(".")[0] for setting in types}
    for old, new in commands()[name].renamed.items():
        assert new.partition(" ")[0] in types.keys() | parts
        assert old not in types
    assert new_name("nothing.of.it", commands()[name].renamed) is None


@pytest.mark.parametrize("arguments", [["project", "--help"], ["project", "--nothing"], ["evaluate", "student"]])
def test_nothing_heavy_is_imported_before_a_job_runs(arguments):
    code = (
        "import sys\nfrom xner_core.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    print('imported', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(done.stdout.rpartition("imported")[2].split())


def test_the_command_itself(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"xner {__version__}\n"
    for arguments in ([], ["--help"]):
        assert run(*arguments) == 0
        text = capsys.readouterr().out
        assert all(f"  {name} " in text for name in JOBS)
        assert max(map(len, text.splitlines())) <= 110
    assert run("projct") == 2
    assert capsys.readouterr().err.startswith("error: no command 'projct': did you mean project? there are project, ")


def test_a_job_is_a_script_as_well():
    scripts = {path.stem: runpy.run_path(str(path))["JOB"] for path in (ROOT / "jobs").glob("*.py")}
    assert sorted(map(id, scripts.values())) == sorted(map(id, JOBS.values()))
