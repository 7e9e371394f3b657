"""Every command that the documents show, against the parser of the job that it runs."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from xner_core.cli.commands import JOBS
from xner_core.cli.job import Job, build_parser

ROOT = Path(__file__).parent.parent
_PAGES = ("*.md", "docs/**/*.md", "cluster/*.md", "xner_core/**/*.md")
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for pages in _PAGES for path in ROOT.glob(pages))
_SCRIPT = re.compile(r"python ((?:jobs|benchmarks)/\w+\.py[^\n`]*)")
# In a block of its own, or after the settings of a shell; what is named in a sentence may leave things out.
_COMMAND = re.compile(r"^(?:[A-Z_]+=\S+ )?(xner [a-z][^\n#>]*)", re.MULTILINE)
_BLOCK = re.compile(r"^```(?:bash|sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SETTINGS = re.compile(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    texts = [(ROOT / name).read_text().replace("\\\n", " ") for name in DOCUMENTS]
    found = {command for text in texts for command in _SCRIPT.findall(text)}
    found |= {command for text in texts for block in _BLOCK.findall(text) for command in _COMMAND.findall(block)}
    return sorted(command.split(";")[0].strip() for command in found)


@pytest.fixture
def settings_files(tmp_path, monkeypatch) -> None:
    """The folder that commands run in, with the benchmarks and the settings files that the documents show."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    for document in DOCUMENTS:
        for name, content in _SETTINGS.findall((ROOT / document).read_text()):
            (tmp_path / name).write_text(content.replace("<fingerprint>", "0" * 32))


@pytest.mark.usefixtures("settings_files")
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_documents_is_understood(command):
    if command.startswith("benchmarks/throughput.py "):
        # Where GPUs are, it runs without what jobs parse their flags with.
        assert runpy.run_path(str(ROOT / "benchmarks" / "throughput.py"))["parser"]().parse_args(
            shlex.split(command)[1:]
        )
        return
    job, arguments = parsed_command(command)
    parser = build_parser(job)
    if "--print_config" in arguments:
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(arguments)
        assert ended.value.code == 0
    else:
        parser.parse_args(arguments)


def parsed_command(command: str) -> tuple[Job, list[str]]:
    """The job that a command runs, and its arguments, with something in the place of shell variables."""
    written = re.sub(r'"?\$(\([^)]*\)|\w+|\{\w+\})"?', "something", command.replace("<fingerprint>", "0" * 32))
    program, *arguments = shlex.split(written)
    if program == "xner":
        return JOBS[arguments[0]], arguments[1:]
    return runpy.run_path(str(ROOT / program))["JOB"], arguments


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").rglob("*.sh")), ids=lambda path: path.name)
def test_flags_of_scripts_are_there(script):
    known = build_parser(JOBS["study"]).types
    assert all(
        flag in known or flag in ("config", "json") for flag in re.findall(r"--([a-z][\w.]+)", script.read_text())
    )


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "students").rglob("*.yaml")), ids=lambda path: path.name)
def test_settings_of_studies_are_understood(path):
    shared = ["--labels", "a", "--gold", "{b: c}", "--out", "d"]
    assert build_parser(JOBS["study"]).parse_args([*shared, "--config", str(path)]).student.model == "starter"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    document = ROOT / name
    for target in re.findall(r"\]\((?!http)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_jobs_of_the_table_of_commands_are_those_that_there_are():
    named = set(re.findall(r"^\| `(jobs/\w+\.py)`", (ROOT / "docs/commands.md").read_text(), re.MULTILINE))
    assert named == {path.relative_to(ROOT).as_posix() for path in (ROOT / "jobs").glob("*.py")}
