import subprocess
import sys

import obstore
import pytest

from xner_core.errors import XnerError
from xner_core.snapshots.record import Conflict, Seen, SharedRecord
from xner_core.storage.files import locate


@pytest.fixture(params=["local", "s3"])
def location(request, tmp_path):
    return locate(tmp_path if request.param == "local" else request.getfixturevalue("s3_folder")) / "a" / "record.json"


def test_what_was_put_is_read(location):
    record = SharedRecord(location)
    assert record.read() == Seen()
    first = record.replace(record.read(), {"text": "ä", "number": 1})
    assert record.read() == first
    assert (first.value["text"], first.value["number"]) == ("ä", 1)
    second = record.replace(first, {"number": 2})
    assert SharedRecord(location).read() == second


def test_only_the_record_that_was_seen_is_replaced(location):
    record = SharedRecord(location)
    nothing = record.read()
    first = record.replace(nothing, {"number": 1})
    with pytest.raises(Conflict):
        record.replace(nothing, {"number": 2})
    second = record.replace(first, {"number": 3})
    with pytest.raises(Conflict):
        record.replace(first, {"number": 4})
    assert record.read() == second


def test_a_value_that_comes_back_is_another_version(location):
    record = SharedRecord(location)
    first = record.replace(Seen(), {"number": 1})
    record.replace(record.replace(first, {"number": 2}), {"number": 1})
    with pytest.raises(Conflict):
        record.replace(first, {"number": 3})


_RACER = """
import sys
from xner_core.storage.files import locate
from xner_core.snapshots.record import Conflict, SharedRecord
record, won = SharedRecord(locate(sys.argv[1])), 0
sys.stdin.readline()
while won < 20:
    seen = record.read()
    try:
        record.replace(seen, {"number": (seen.value or {"number": 0})["number"] + 1})
        won += 1
    except Conflict:
        pass
"""


def test_processes_that_race_lose_no_change(location):
    command = [sys.executable, "-c", _RACER, str(location)]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert [racer.wait(60) for racer in racers] == [0] * 4
    assert SharedRecord(location).read().value["number"] == 80


def test_a_put_whose_answer_was_lost_counts(s3_folder, monkeypatch):
    record = SharedRecord(locate(s3_folder) / "record.json")
    put = obstore.put

    def put_and_fail(*arguments, **named):
        put(*arguments, **named)
        raise TimeoutError("no answer")

    monkeypatch.setattr(obstore, "put", put_and_fail)
    first = record.replace(Seen(), {"number": 1})
    assert record.read() == first


def test_a_store_that_is_away_is_no_conflict(s3_folder, monkeypatch):
    record = SharedRecord(locate(s3_folder) / "record.json")

    def fail(*arguments, **named):
        raise TimeoutError("no answer")

    monkeypatch.setattr(obstore, "put", fail)
    with pytest.raises(OSError, match="no answer"):
        record.replace(Seen(), {"number": 1})


def test_a_damaged_record_is_named(location):
    with location.open_output() as stream:
        stream.write(b'{"num')
    with pytest.raises(XnerError, match=r"record\.json: not valid JSON"):
        SharedRecord(location).read()
