"""The house keeps its order: imports run one way, Ray stays where it belongs, parts are small, named and described."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "xner_core"
# From bottom to top; a part may import those above it in this list, and itself.
PARTS = [
    "errors",
    "text",
    "storage",
    "sample",
    "corpus",
    "models",
    "tagging",
    "alignment",
    "labels",
    "projection",
    "snapshots",
    "evaluation",
    "training",
    "supervision",
    "study",
    "engine",
    "workflows",
    "cli",
]


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
    return sorted(path for path in paths if path not in ("__init__.py", "starter/__init__.py"))


@pytest.mark.parametrize("module", modules())
def test_imports_run_one_way(module):
    own = PARTS.index(module.removesuffix(".py").split("/")[0])
    for name in imports(PACKAGE / module):
        if name.startswith("xner_core."):
            assert PARTS.index(name.split(".")[1]) <= own, f"{module} imports {name}"


@pytest.mark.parametrize("module", modules())
def test_one_folder_knows_ray(module):
    # Also by its name alone, as importlib and mocks take it.
    found = re.findall(r"(?:import|from) ray\b|\bray\.|[\"']ray[\"']", (PACKAGE / module).read_text())
    assert not found or module.startswith("engine/")


def test_settings_load_nothing_heavy():
    settings = [module.removesuffix(".py").replace("/", ".") for module in modules() if module.endswith("_settings.py")]
    code = f"import sys, {', '.join(f'xner_core.{name}' for name in settings)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not {"ray", "torch", "transformers", "pyarrow", "polars", "scipy"}.intersection(loaded.split())


def test_a_name_tells_a_module_from_all_others():
    names = Counter(Path(module).name for module in modules())
    assert [name for name, count in names.items() if count > 1 and name != "__init__.py"] == []


SOURCES = sorted(chain.from_iterable((ROOT / folder).rglob("*.py") for folder in ("xner_core", "jobs", "benchmarks")))


def described(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The public classes and functions, and the methods that neither are properties nor may override others."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            if not any("property" in ast.unparse(each) for each in node.decorator_list):
                yield node
            if isinstance(node, ast.ClassDef) and not node.bases:
                yield from described(node.body)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_parts_are_small_and_described(path):
    def size(lines: list[str]) -> int:
        return sum(bool(line.strip()) for line in lines)

    text = path.read_text()
    lines, tree = text.splitlines(), ast.parse(text)
    assert size(lines) <= 330
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if size(lines[node.lineno - 1 : node.end_lineno]) > 66] == []
    assert [node.name for node in described(tree.body) if not ast.get_docstring(node)] == []
    assert ast.get_docstring(tree)
