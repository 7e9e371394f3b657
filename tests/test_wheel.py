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
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    # What an earlier build has left in a checkout would be packed as well.
    source = folder / "source"
    shutil.copytree(ROOT / "xner_core", source / "xner_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *wheel], check=True, capture_output=True)
    venv.create(folder / "venv", symlinks=True)
    python = str(folder / "venv" / "bin" / "python")
    (built,) = folder.glob("*.whl")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", str(built)], check=True, capture_output=True)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.check_output([python, "-c", code], text=True).strip()
    # A path in a .pth file is searched, but the .pth files that lie there, such as that of the checkout, are not read.
    Path(packages, "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin" / "xner"


def run(xner: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([xner, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_wheel_is_what_runs(xner, tmp_path):
    assert run(xner, tmp_path, "--version").stdout == f"xner {__version__}\n"
    code = "import xner_core; print(xner_core.__file__)"
    where = subprocess.check_output([xner.parent / "python", "-c", code], cwd=tmp_path, text=True)
    assert str(xner.parent.parent) in where


def test_the_sample_is_projected_and_a_tagger_scored_on_its_gold(xner, tmp_path):
    projected = run(xner, tmp_path, "project", "--json", "project.json")
    assert projected.returncode == 0, projected.stderr
    result = json.loads((tmp_path / "project.json").read_text())
    assert result["pairs"]["kept"] > 100
    assert result["labelled"]["projected"] > 0.9 * result["labelled"]["entities"] > 100
    gold = tmp_path / "gold.conll"
    code = f"from pathlib import Path; from xner_core.sample import *; write_sample_gold(Path({str(gold)!r}), 'de')"
    subprocess.run([xner.parent / "python", "-c", code], cwd=tmp_path, check=True)
    scored = run(xner, tmp_path, "evaluate", "tagger", "--gold", str(gold), "--json", "scores.json")
    assert scored.returncode == 0, scored.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["f1"] > 0.7
