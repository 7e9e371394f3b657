"""The chaos job: what decides that all is well, the proxy that fails, and whole scenarios."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from chaos.flaky_store import FlakyProxy
from chaos.label_comparison import differences
from chaos.poison import mark
from chaos.run import ChaosSettings
from xner_core.corpus.ingest.index import read_index, write_index
from xner_core.corpus.ingest.spool import SCHEMA, SpoolFile, read_array, write_array
from xner_core.errors import StorageFailure
from xner_core.storage.files import locate

ROOT = Path(__file__).parents[2]
ENTITY = {"type": "LOC", "target_start": 3, "status": "projected", "tagger_confidence": 0.5, "aligner_confidence": 0.5}


@pytest.fixture
def rows() -> list[dict]:
    texts = ["Ulm", "Bonn", f"Kiel {mark('tagger', 'exit')}"]
    return [
        {"pair_id": str(i), "source_text": text, "quarantine": None, "entities": [dict(ENTITY)]}
        for i, text in enumerate(texts)
    ]


def test_the_same_is_well(rows):
    found = copy.deepcopy(rows)
    found[0]["entities"][0]["aligner_confidence"] += 5e-5
    assert differences(found[::-1], rows, poisoned=False) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows.pop(), "pair 2 is not there"),
        (lambda rows: rows.append(rows[0]), "pair 0 is there 2 times"),
        (lambda rows: rows.append(rows[0] | {"pair_id": "9"}), "pair 9 is of no shard"),
        (lambda rows: rows[0].update(quarantine="why"), "pair 0 is in quarantine: why"),
        (lambda rows: rows[0].update(entities=[]), "pair 0 has other labels"),
        (lambda rows: rows[1]["entities"][0].update(aligner_confidence=0.4998), "pair 1 has other labels"),
        (lambda rows: rows[1]["entities"][0].update(status="unknown"), "pair 1 has other labels"),
    ],
)
def test_what_is_lost_doubled_or_different_is_seen(rows, change, problem):
    found = copy.deepcopy(rows)
    change(found)
    assert differences(found, rows, poisoned=False) == [problem]


def test_marked_pairs_and_no_others_must_be_in_quarantine(rows):
    found = copy.deepcopy(rows)
    assert differences(found, rows, poisoned=True) == ["pair 2 is not in quarantine: None"]
    found[2]["quarantine"] = "why"
    assert differences(found, rows, poisoned=True) == ["pair 2 is in quarantine, and yet has labels"]
    found[2]["entities"] = []
    assert differences(found, rows, poisoned=True) == []


def test_what_goes_through_a_flaky_proxy_arrives_or_fails(s3_port, s3_folder, monkeypatch):
    """Every kind of fault is met, reads and writes get through by retries, and nothing is cut short unseen."""
    content = bytes(range(256)) * 40
    with FlakyProxy(s3_port, seed=1) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        proxy.share = 0.3
        for number in range(15):
            location = locate(f"{s3_folder}/{number}")
            with location.open_output() as stream:
                stream.write(content)
            with location.open_input() as stream:
                assert stream.read() == content
        assert set(proxy.faults) == set(FlakyProxy.KINDS)
        proxy.share = 1.0
        with pytest.raises(StorageFailure, match="could not be looked up"):
            location.exists()


class RefusesOnce(FlakyProxy):
    """Refuses to give a file's content the first time that it is asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(port, seed=1)
        self.refused: set[str] = set()

    def fault(self, request):
        if request.command != "GET" or request.path in self.refused or "list-type" in request.path:
            return None
        self.refused.add(request.path)
        return "answered 503"


def test_what_an_ingest_sets_aside_is_read_again_where_a_store_refuses_it_once(s3_port, s3_folder, monkeypatch):
    columns = {"row": [0, 1], "pair_id": ["a", "b"], "source_text": ["Ulm", "Bonn"], "target_text": ["Ulm", "Bonn"]}
    columns |= {"line": [1, 2], "origin": ["news", "news"], "characters": [6, 8]}
    filled = {field.name: pa.array(columns.get(field.name, [None, None]), field.type) for field in SCHEMA}
    pairs = pa.record_batch(list(filled.values()), SCHEMA)
    numbers = np.arange(5)
    with RefusesOnce(s3_port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        folder = locate(s3_folder)
        with SpoolFile(folder / "pairs.arrow") as file:
            spooled = file.add(pairs)
        assert spooled.read(["pair_id", "target_text"]).equals(pairs.select(["pair_id", "target_text"]))
        write_array(folder / "numbers", numbers)
        assert read_array(folder / "numbers", numbers.dtype, 2, 2).tolist() == [2, 3]
        groups = write_index(folder / "index.parquet", {"news": [spooled]})["news"].groups
        (read,) = read_index(folder / "index.parquet", groups, ["pair_id"])
        assert read["pair_id"].equals(pairs["pair_id"])
    assert len(proxy.refused) == 3


class FailsToFinish(FlakyProxy):
    """Lets uploads begin, and their parts pass, but never be completed."""

    def fault(self, request):
        return "answered 503" if request.command == "POST" and "uploadId" in request.path else None


def test_an_upload_that_fails_at_its_end_is_not_taken_for_written(s3_port, s3_folder, monkeypatch):
    with FailsToFinish(s3_port, seed=1) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        location = locate(f"{s3_folder}/file")
        with pytest.raises(StorageFailure, match="could not be written"), location.open_output() as stream:
            # More than is sent at once.
            stream.write(bytes(6 << 20))
        assert not location.exists()


def chaos(scenario: str, folder: Path, *launcher: str) -> dict:
    result = folder / "result.json"
    command = [sys.executable, *launcher, "benchmarks/chaos.py", "--scenarios", f"[{scenario}]"]
    command += ["--out", str(folder / "out"), "--json", str(result)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(result.read_text())


def test_the_job_finds_nothing_lost_where_two_nights_start_at_once(tmp_path):
    found = chaos("two-at-once", tmp_path, "tests/forked_workers.py", "within")
    assert found["problems"] == []
    assert found["injected"] == found["scenarios"]["two-at-once"]["faults"]["started twice"] == 2
    # Of each two, one may find that nothing is left to do; the undisturbed run is not counted.
    assert found["scenarios"]["two-at-once"]["drivers"] == 4


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", ["killed-nodes", "poisoned-pairs"])
def test_the_job_finds_nothing_lost(tmp_path, scenario):
    found = chaos(scenario, tmp_path)
    assert found["injected"] >= 3
    assert found["problems"] == []


def test_scenarios_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="unknown scenarios earthquake; there are flaky-store"):
        ChaosSettings(scenarios=["earthquake"])
