"""Gold files for tests; makes `gold_rows`, and `label_files` of the tests of training, importable."""

import gzip
import json
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "training")]


@pytest.fixture
def write(tmp_path):
    def write(*lines, name="gold.jsonl"):
        path = tmp_path / name
        content = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)

    return write
