"""The house keeps its order: imports run one way, and Ray stays where it belongs."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "xner_core"
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
        if name.split(".")[0] == "ray":
            assert module.startswith("engine/"), f"{module} imports {name}"
