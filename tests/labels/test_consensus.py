"""The votes of a corpus on names, counted by hand and checked against made-up corpora."""

import unicodedata
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xner_core.storage.files as files_module
from label_files import FINGERPRINT, row, write_labels
from plain_consensus import plain_votes
from xner_core.errors import StorageFailure, XnerError
from xner_core.labels import vote_counting
from xner_core.labels.consensus import CONSENSUS, find_consensus
from xner_core.labels.label_files import find_label_files
from xner_core.storage.files import read_table
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings


def pair(source: str, target: str, *names: tuple[str, str, str | None], quarantine: str | None = None) -> dict:
    """A label row; names are a source string, a type, and a target string or None if it was not projected."""
    labels = []
    for source_name, type_, target_name in names:
        start = source.index(source_name)
        place = target.index(target_name) if target_name else None
        labels.append(
            {
                "type": type_,
                "source_start": start,
                "source_end": start + len(source_name),
                "target_start": place,
                "target_end": place + len(target_name) if target_name else None,
                "tagger_confidence": 1.0,
                "aligner_confidence": 1.0,
                "status": "projected" if target_name else "unknown",
                "reason": None if target_name else "no counterpart",
            }
        )
    return row(target, labels, quarantine) | {"source_text": source}


ROWS = [
    *[pair(f"Cologne {i} waits", f"Köln {i} wartet", ("Cologne", "LOC", "Köln")) for i in range(3)],
    pair("Cologne wins", "Köln gewinnt", ("Cologne", "ORG", "Köln")),
    # Missed by the tagger, inside a longer name, and not to be found.
    pair("He waits there", "Er wartet in Köln"),
    pair("Radio Cologne sends", "Radio Köln sendet", ("Radio Cologne", "ORG", "Radio Köln")),
    pair("Cologne sleeps", "Die Stadt schläft", ("Cologne", "LOC", None)),
    # A lone outlier: a common word.
    pair("Cologne is ours", "Die Stadt gehört uns", ("Cologne", "LOC", "Stadt")),
    pair("broken Cologne", "kaputt Köln", ("Cologne", "LOC", "Köln"), quarantine="Traceback"),
]


def votes_on(folder: Path, *files: list[dict]) -> list[dict]:
    """The votes on the rows of some label files, as they are written."""
    labels = write_labels(folder, *files)
    found = find_consensus(
        build_consensus(ConsensusSettings([labels], str(folder / "votes")))["consensus"], find_label_files([labels])
    )
    tables = [read_table(found[file.name]) for file in find_label_files([labels])]
    assert all(table.schema.equals(CONSENSUS) for table in tables)
    return [row for table in tables for row in table.to_pylist()]


def test_votes_are_those_counted_by_hand(tmp_path):
    table = votes_on(tmp_path, ROWS)
    city, radio, unknown, outlier = (table[i]["votes"][0] for i in (0, 5, 6, 7))
    assert (city["projections"], city["type"], city["occurrences"]) == (5, "LOC", 5)
    assert city["type_share"] == pytest.approx(4 / 5)
    assert city["target_share"] == pytest.approx(4 / 5)
    assert city["coverage"] == pytest.approx(4 / 5)
    assert (radio["projections"], radio["type"], radio["occurrences"], radio["coverage"]) == (1, "ORG", 1, 1.0)
    assert (unknown["projections"], unknown["type"], unknown["coverage"]) == (5, "LOC", None)
    assert outlier["target_share"] == pytest.approx(1 / 5)
    assert outlier["coverage"] == pytest.approx(1 / 2)


def test_a_name_is_recovered_where_it_was_missed_and_nowhere_else(tmp_path):
    table = votes_on(tmp_path, ROWS)
    assert [bool(row["recovered"]) for row in table] == [False] * 4 + [True] + [False] * 4
    (found,) = table[4]["recovered"]
    assert (found["type"], found["start"], found["end"], found["occurrences"]) == ("LOC", 13, 17, 5)
    assert found["coverage"] == pytest.approx(4 / 5)
    assert found["type_share"] == pytest.approx(3 / 4)


def test_without_spaces_a_name_is_not_recovered_from_within_another_word(tmp_path):
    rows = [
        *[pair("China", text, ("China", "LOC", "中国")) for text in ("中国政府", "中国的", "在中国", "中国", "中国人")],
        *[pair("x", text) for text in ("发展中国家", "该发展中国家", "发展中国家的", "中国政府说", "来自中国。")],
        *[pair("Cologne", "Köln", ("Cologne", "LOC", "Köln"))] * 5,
        *[pair("x", "in Kölns Mitte, in Köln selbst")] * 5,
    ]
    recovered = [row["recovered"] for row in votes_on(tmp_path, rows)]
    # Coverage: 5 of 10. Never an entity in two other texts with 家 after it; once in one with 政.
    assert [round(name["coverage"], 2) for row_ in recovered[5:10] for name in row_] == [0.3, 0.3, 0.3, 0.5, 0.5]
    # With spaces the character beside a name says nothing.
    assert [[name["coverage"] for name in row_] for row_ in recovered[-5:]] == [[0.5]] * 5


@st.composite
def corpora(draw):
    """Label files of texts in several scripts, and in forms that are not normal."""
    names = ["Köln", "Ko\u0308ln", "Ulm", "Neu Ulm", "Neu  Ulm", "O’Brien", "中国", "中国人", "กรุงเทพ"]
    fillers = ["und", "die", "l’", "发展", "家", "\u200b", "\u00a8", "ﬁx", "…", "L·l", "A:a"]
    files = []
    for _ in range(draw(st.integers(1, 3))):
        rows = []
        for number in range(draw(st.integers(0, 6))):
            parts = draw(st.lists(st.sampled_from([*names, *fillers]), max_size=6))
            separator = draw(st.sampled_from([" ", "", "\u00a0"]))
            labels, start = [], 0
            for part in parts:
                if part in names and draw(st.booleans()):
                    about = ("X", draw(st.sampled_from(["LOC", "ORG", "PER"])), part if draw(st.booleans()) else None)
                    (label,) = pair("X", part, about)["entities"]
                    if label["target_start"] is not None:
                        label |= {"target_start": start, "target_end": start + len(part)}
                    labels.append(label)
                start += len(part) + len(separator)
            quarantine = "Traceback" if draw(st.integers(0, 9)) == 0 else None
            text = separator.join(parts)
            rows.append(
                row(text, [] if quarantine else labels, quarantine) | {"source_text": "X", "pair_id": f"{number}"}
            )
        files.append(rows)
    return files


@settings(deadline=None, max_examples=40)
@given(corpora())
def test_votes_are_those_of_counting_name_by_name(files):
    with TemporaryDirectory() as folder:
        found = votes_on(Path(folder), *files)
        rows = [
            row for file in find_label_files([str(Path(folder) / "labels" / FINGERPRINT)]) for row in labels_of(file)
        ]
    expected = pa.Table.from_pylist(plain_votes(rows), schema=CONSENSUS)
    assert found == expected.to_pylist()


def labels_of(file) -> list[dict]:
    return read_table(file.location).to_pylist()


def test_groups_and_partitions_change_nothing(tmp_path, monkeypatch):
    files = [ROWS[number : number + 3] for number in range(7)]
    whole = votes_on(tmp_path / "whole", *files)
    monkeypatch.setattr(vote_counting, "_FILES_OF_GROUP", 2)
    assert votes_on(tmp_path / "parts", *files) == whole


def test_keys_are_made_once_for_each_label_file(tmp_path):
    labels = write_labels(tmp_path, ROWS, ROWS[:2])
    settings = ConsensusSettings([labels], str(tmp_path / "votes"))
    first = build_consensus(settings)
    keys = sorted((tmp_path / "votes" / "keys").rglob("*.parquet"))
    assert len(keys) == 2
    made = [path.stat().st_mtime_ns for path in keys]
    write_labels(tmp_path, ROWS, ROWS[:2], ROWS[3:])
    assert build_consensus(settings)["written"] == 3
    assert [path.stat().st_mtime_ns for path in keys] == made
    assert len(list((tmp_path / "votes" / "keys").rglob("*.parquet"))) == 3
    # Nothing is left of the way to the votes.
    assert not list(Path(first["consensus"]).rglob("work"))


def test_an_interrupted_count_goes_on_where_it_stopped(tmp_path, monkeypatch):
    """Every write of it fails in turn; what is finished is not made again."""
    labels = write_labels(tmp_path, ROWS, ROWS[:4])
    expected = votes_on(tmp_path / "undisturbed", ROWS, ROWS[:4])
    real, written = files_module.Location.open_output, []

    @contextmanager
    def fails(location):
        if location.path not in written:
            with real(location) as stream:
                yield stream
            written.append(location.path)
            raise StorageFailure("gone away")
        written.append(location.path)
        with real(location) as stream:
            yield stream

    monkeypatch.setattr(files_module.Location, "open_output", fails)
    settings, runs = ConsensusSettings([labels], str(tmp_path / "votes")), 0
    while True:
        try:
            result = build_consensus(settings)
            break
        except StorageFailure:
            runs += 1
    assert runs > 10
    monkeypatch.undo()
    votes = find_consensus(result["consensus"], find_label_files([labels]))
    assert [row for file in find_label_files([labels]) for row in read_table(votes[file.name]).to_pylist()] == expected
    assert not list(Path(result["consensus"]).rglob("work"))


def test_files_of_votes_follow_the_labels_and_are_made_once(tmp_path, capsys):
    labels = write_labels(tmp_path, ROWS, ROWS[:2], [])
    before = {path: path.read_bytes() for path in Path(labels).rglob("*.parquet")}
    settings = ConsensusSettings([labels], str(tmp_path / "consensus"))
    result = build_consensus(settings)
    assert (result["status"], result["files"], result["written"], result["recovered"]) == ("done", 3, 3, 1)
    assert capsys.readouterr().out.startswith(result["consensus"] + ": ")
    assert {path: path.read_bytes() for path in Path(labels).rglob("*.parquet")} == before
    again = build_consensus(settings)
    assert again["status"] == "nothing to do"
    assert result["consensus"] in again["reason"]

    files = find_label_files([labels])
    votes = find_consensus(result["consensus"], files)
    for file in files:
        table = pq.read_table(votes[file.name].path, partitioning=None)
        assert table["pair_id"].equals(pq.read_table(file.location.path, partitioning=None)["pair_id"])

    lost = Path(votes[files[0].name].path)
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(XnerError, match="no votes on"):
        find_consensus(result["consensus"], files)
    assert build_consensus(settings)["written"] == 1
    assert lost.read_bytes() == content


def test_other_labels_have_other_votes_and_two_languages_none(tmp_path):
    one = build_consensus(ConsensusSettings([write_labels(tmp_path / "1", ROWS)], str(tmp_path / "votes")))
    other = build_consensus(ConsensusSettings([write_labels(tmp_path / "2", ROWS, ROWS[:1])], str(tmp_path / "votes")))
    assert one["fingerprint"] != other["fingerprint"]
    both = [write_labels(tmp_path / "3", ROWS), write_labels(tmp_path / "4", ROWS, language="nl")]
    with pytest.raises(XnerError, match="labels of de, nl"):
        build_consensus(ConsensusSettings(both, str(tmp_path / "votes")))


def test_names_vote_together_in_whatever_form_they_are_written(tmp_path):
    composed, decomposed = "Ọ̀yọ́", unicodedata.normalize("NFD", "Ọ̀yọ́")
    rows = [
        pair("Oyo is old", f"{composed} ti gbó", ("Oyo", "LOC", composed)),
        pair("Oyo is big", f"{decomposed} tóbi", ("Oyo", "LOC", decomposed)),
        pair("He is there", f"Ó wà ní {decomposed}"),
        pair("O’Brien speaks", "O’Brien sọ̀rọ̀", ("O’Brien", "PER", "O’Brien")),
        pair("O'Brien speaks", "O'Brien sọ̀rọ̀", ("O'Brien", "PER", "O'Brien")),
    ]
    table = votes_on(tmp_path, rows)
    votes = [row["votes"][0] for row in table if row["votes"]]
    assert [vote["projections"] for vote in votes] == [2, 2, 2, 2]
    assert [vote["target_share"] for vote in votes] == [1, 1, 1, 1]
    # Where the name was missed, it is found again, at its place in the raw text.
    (found,) = table[2]["recovered"]
    assert rows[2]["target_text"][found["start"] : found["end"]] == decomposed


def test_labels_of_two_codes_of_a_language_vote_together(tmp_path):
    row = pair("Cologne waits", "Köln wartet", ("Cologne", "LOC", "Köln"))
    folders = [write_labels(tmp_path / code, [row], language=code) for code in ("de", "deu")]
    assert build_consensus(ConsensusSettings(folders, str(tmp_path / "votes")))["files"] == 2
