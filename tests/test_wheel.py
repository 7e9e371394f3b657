"""The wheel, installed where there is no checkout: the command runs, on what the wheel brings."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from xner_core import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def xner(tmp_path_factory) -> Path:
    """The command of a virtual environment that holds the wheel and, of this one, all packages but the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # What an earlier build has left in a checkout would be packed as well.
    source = folder / "source"
    shutil.copytree(ROOT / "xner_core", source / "xner_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    pip(*wheel)
    venv.create(folder / "venv", symlinks=True)
    python = str(folder / "venv" / "bin" / "python")
    (built,) = folder.glob("*.whl")
    pip("--python", python, "install", "--no-deps", str(built))
    packages = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).stdout.strip()
    # A path in a .pth file is searched, but the .pth files that lie there, such as that of the checkout, are not read.
    Path(packages, "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin" / "xner"


def pip(*arguments: str) -> None:
    done = run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], ROOT.parent)
    assert done.returncode == 0, done.stderr


def run(command: list, folder: Path) -> subprocess.CompletedProcess:
    """Runs it in a folder, where nothing but what is installed is found: on PYTHONPATH, the checkout counts as that."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_wheel_is_what_runs(xner, tmp_path):
    assert run([xner, "--version"], tmp_path).stdout == f"xner {__version__}\n"
    where = run([xner.parent / "python", "-c", "import xner_core; print(xner_core.__file__)"], tmp_path).stdout
    assert str(xner.parent.parent) in where


def test_the_sample_is_projected_and_a_tagger_scored_on_its_gold(xner, tmp_path):
    projected = run([xner, "project", "--json", "project.json"], tmp_path)
    assert projected.returncode == 0, projected.stderr
    result = json.loads((tmp_path / "project.json").read_text())
    assert result["pairs"]["kept"] > 100
    assert result["labelled"]["projected"] > 0.9 * result["labelled"]["entities"] > 100
    gold = tmp_path / "gold.conll"
    code = f"from pathlib import Path; from xner_core.sample import *; write_sample_gold(Path({str(gold)!r}), 'de')"
    assert run([xner.parent / "python", "-c", code], tmp_path).returncode == 0
    scored = run([xner, "evaluate", "tagger", "--gold", str(gold), "--json", "scores.json"], tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["f1"] > 0.7
