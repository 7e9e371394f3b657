"""The benchmark of throughput: what it makes up, how it tells, and what it misses; never how fast anything is."""

import itertools
import json
from pathlib import Path

import pytest

import throughput
from throughput_rows.catalogue import ROWS
from throughput_rows.floors import Floor, missed_counts, missed_floors, read_floors, table
from throughput_rows.inputs import prepare
from throughput_rows.made_up import made_up_pairs, name_of, write_text
from throughput_rows.measured import LABEL_FILES, Measured, not_run
from throughput_rows.running import Line, agreement
from xner_core.labels.label_files import find_label_files
from xner_core.labels.schema import LABELS, read_counts
from xner_core.storage.files import read_table


def line(name: str, value: float | None, before: float | None = None, **more) -> Line:
    f1 = more.pop("label_f1", None)
    baseline = None if before is None else Measured(before, "pairs/s")
    return Line(name, name, Measured(value, "pairs/s", **more), baseline, f1)


def test_pairs_are_made_up_the_same_at_any_size(tmp_path):
    few, more = list(made_up_pairs(300)), list(made_up_pairs(12_000))
    assert more[:300] == few
    assert len(more) == 12_000
    # Some are repeated on purpose, and no others.
    repeated = sum(one == other for one, other in itertools.pairwise(more))
    assert len({pair.id for pair in more}) == 12_000 - repeated
    assert 0.01 < repeated / 12_000 < 0.03
    for pair in few:
        for name in pair.names:
            source, target = pair.source[slice(*name.source)], pair.target[slice(*name.target)]
            assert source
            assert target.startswith(source)
    words = sorted(len(pair.source.split()) for pair in more)
    assert 16 <= words[6_000] <= 24
    assert words[-120] > 60


def test_names_are_as_rare_as_their_ranks():
    names = {name_of(type_, rank) for type_ in ("PER", "LOC", "ORG") for rank in range(5_000)}
    assert len(names) > 14_000
    found = [pair.source[slice(*name.source)] for pair in made_up_pairs(10_000) for name in pair.names]
    assert 0.05 < len(set(found)) / len(found) < 0.5


def test_text_is_cut_into_files_of_whole_blocks(tmp_path):
    assert write_text(tmp_path / "text", made_up_pairs(25_000), 10_000) == 25_000
    lines = {file.name: file.read_text().count("\n") for file in (tmp_path / "text").iterdir()}
    assert lines == {
        f"web{number}.{language}": count
        for number, count in enumerate((10_000, 10_000, 5_000))
        for language in ("en", "de")
    }


def test_labels_are_made_up_as_a_projection_writes_them(tmp_path):
    prepare(tmp_path, {LABEL_FILES}, 0, 100, None, "")
    files = find_label_files([str(folder) for folder in (tmp_path / LABEL_FILES).iterdir()])
    assert len(files) == 4
    for file in files:
        labels = read_table(file.location)
        assert labels.schema.equals(LABELS)
        entities = [entity for row in labels["entities"].to_pylist() for entity in row]
        assert read_counts(file.location)["projected"] == sum(entity["status"] == "projected" for entity in entities)
        for row in labels.to_pylist():
            for entity in row["entities"]:
                assert row["source_text"][entity["source_start"] : entity["source_end"]]
                assert (entity["target_start"] is None) == (entity["status"] == "unknown")


def test_floors_are_missed_by_what_is_slower_and_by_nothing_else():
    floors = {
        "fast": Floor(least=100, least_ratio=2),
        "small": Floor(most=0.05, most_driver=2048),
        "alike": Floor(least_label_f1=99.5),
    }
    reached = [
        line("fast", 100, 50),
        line("small", 0.05, memory={"driver": 2048}),
        line("alike", 1, label_f1=99.5),
        line("not in the file", 1),
    ]
    assert missed_floors(reached, floors) == []
    missed = [line("fast", 99, 50), line("small", 0.06, memory={"driver": 2049}), line("alike", 1, label_f1=99.4)]
    assert missed_floors(missed, floors) == [
        "fast: value 99, less than 100",
        "fast: ratio to the baseline 1.98, less than 2",
        "small: value 0.06, more than 0.05",
        "small: MiB of the driver 2,049, more than 2,048",
        "alike: F1 of the labels 99.4, less than 99.5",
    ]
    # What could not be measured, or has nothing beside it, is not judged.
    assert missed_floors([line("fast", None), line("small", None)], floors) == []
    assert missed_floors([line("fast", 100)], floors) == []


def test_counts_are_missed_by_any_other():
    floors = {"some": Floor(counts={"pairs": 3}), "free": Floor()}
    assert missed_counts([line("some", 1, counts={"pairs": 3}), line("free", 1, counts={"pairs": 9})], floors) == []
    assert missed_counts([line("some", 1, counts={"pairs": 4})], floors) == [
        "some: counts {'pairs': 4}, not {'pairs': 3}"
    ]


def test_the_table_has_a_line_for_all(capsys):
    lines = [
        line("quick", 5000, 1000, memory={"driver": 5, "largest": 6, "tree": 7}),
        Line("absent", "absent", not_run("", "no cuda here: say it"), None, None),
    ]
    head, quick, absent = table(lines, {"quick": Floor(target="×2")}).splitlines()
    assert head.split()[:4] == ["row", "baseline", "present", "ratio"]
    assert quick.split()[:6] == ["quick", "1,000", "5,000", "5", "pairs/s", "×2"]
    assert quick.endswith("5 / 6 / 7")
    assert absent.endswith("no cuda here: say it")
    assert lines[0].record()["ratio"] == 5


def test_labels_agree_by_their_spans():
    one, other = [[["PER", 0, 2]], []], [[["PER", 0, 2]], [["LOC", 1, 3]]]
    assert agreement(one, one) == agreement([[]], [[]]) == 100
    assert agreement(one, other) == pytest.approx(100 * 2 / 3)
    assert agreement(one, one[:1]) == 0


def test_every_floor_is_of_a_line_that_there_is():
    floors = read_floors(throughput.FLOORS)
    source = "".join(path.read_text() for path in (throughput.ROOT / "benchmarks" / "throughput_rows").glob("*.py"))
    assert {name for name in floors if name not in ROWS and f'"{name.split(",")[0]}' not in source} == set()


def test_rows_are_measured_and_checked(tmp_path, capsys):
    answer = tmp_path / "answer.json"
    arguments = ["--smoke", "--check", "--rows", "consensus", "--json", str(answer), "--folder", str(tmp_path)]
    assert throughput.main(arguments) == 0
    (found,) = json.loads(answer.read_text())["lines"]
    assert found["counts"] == dict(read_floors(throughput.FLOORS)["consensus"].counts or {})
    assert found["value"] > 0
    assert "consensus" in capsys.readouterr().out


def test_a_row_that_fails_is_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        throughput.main(["--rows", "nothing"])
    assert "no row nothing" in capsys.readouterr().err
    baseline = tmp_path / "empty"
    (baseline / "xner_core").mkdir(parents=True)
    Path(baseline / "xner_core" / "__init__.py").touch()
    arguments = ["--smoke", "--rows", "consensus", "--folder", str(tmp_path / "made"), "--baseline", str(baseline)]
    assert throughput.main(arguments) == 1
    told = capsys.readouterr()
    assert "failed with exit status 1" in told.out
    assert "ModuleNotFoundError" in told.err
