"""What `from xner_core import …` gives, and the page that shows it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import xner_core
from cli.test_commands import HEAVY

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(python|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys; import xner_core; dir(xner_core); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).split()
    assert "xner_core" in loaded
    assert not HEAVY & set(loaded)


def test_type_checkers_are_told_of_the_names_that_there_are():
    (told,) = (node for node in ast.parse(Path(xner_core.__file__).read_text()).body if isinstance(node, ast.If))
    homes = {
        alias.name: node.module.removeprefix("xner_core.")
        for node in told.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert homes == xner_core._HOMES
    assert sorted(homes) == sorted(xner_core.__all__)
    for name in xner_core.__all__:
        assert getattr(xner_core, name).__name__ == name


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'projct'"):
        xner_core.projct  # noqa: B018
    assert {"project", "__version__"} <= set(dir(xner_core))


@pytest.mark.usefixtures("ray_session")
def test_the_page_runs_as_it_stands(tiny_tagger, tiny_encoder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = _BLOCK.findall((ROOT / "docs/library.md").read_text())
    # Where the page names the starter models, tiny ones learn and are scored; where it leaves them out, they run.
    similarity = f"AlignerSettings('similarity', encoder={tiny_encoder!r}, min_confidence=0.0)"
    names = {"__name__": "page"}
    printed = ""
    for kind, block in blocks:
        if kind == "text":
            assert printed == block
            continue
        code = block.replace('AlignerSettings("starter")', similarity).replace('"starter"', repr(tiny_tagger))
        capsys.readouterr()
        exec(compile(code, "docs/library.md", "exec"), names)
        printed = capsys.readouterr().out
    assert [kind for kind, _ in blocks].count("text") == 2
    assert names["labels"].height == names["done"]["labelled"]["pairs"] > 100
    assert names["scores"]["students"] == ["out/de/student"]
    assert "PER" in printed
