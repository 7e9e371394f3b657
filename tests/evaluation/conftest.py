"""Gold files for tests."""

import gzip
import json

import pytest


@pytest.fixture
def write(tmp_path):
    def write(*lines, name="gold.jsonl"):
        path = tmp_path / name
        content = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)

    return write
