"""Every command that the documents show, against the parser of the job that it runs."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from xner_core.cli.job import build_parser

ROOT = Path(__file__).parent.parent
_PAGES = ("*.md", "docs/**/*.md", "cluster/*.md", "xner_core/**/*.md")
DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for pages in _PAGES for path in ROOT.glob(pages))
_COMMAND = re.compile(r"python ((?:jobs|benchmarks)/\w+\.py[^\n`]*)")
_SETTINGS = re.compile(r"^```yaml\n# (\S+\.yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    texts = [(ROOT / name).read_text().replace("\\\n", " ") for name in DOCUMENTS]
    return sorted({command.split(";")[0] for text in texts for command in _COMMAND.findall(text)})


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
    script, *arguments = shlex.split(command.replace("<fingerprint>", "0" * 32))
    job = runpy.run_path(str(ROOT / script))
    build_parser(job["JOB"]).parse_args(arguments)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    document = ROOT / name
    for target in re.findall(r"\]\((?!http)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_jobs_of_the_table_of_commands_are_those_that_there_are():
    named = set(re.findall(r"^\| `(jobs/\w+\.py)`", (ROOT / "docs/commands.md").read_text(), re.MULTILINE))
    assert named == {path.relative_to(ROOT).as_posix() for path in (ROOT / "jobs").glob("*.py")}
