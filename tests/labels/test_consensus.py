"""The votes of a corpus on names, counted by hand and checked against made-up corpora."""

import unicodedata
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from label_files import row, write_labels
from xner_core.errors import XnerError
from xner_core.labels.consensus import CONSENSUS, consensus_table, find_consensus
from xner_core.labels.evidence import Evidence
from xner_core.labels.label_files import find_label_files
from xner_core.text.spans import Span
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


@pytest.fixture
def evidence() -> Evidence:
    evidence = Evidence()
    rows = [row for row in ROWS if row["quarantine"] is None]
    evidence.add_projections(rows)
    evidence.add_occurrences(rows)
    return evidence


def test_votes_are_those_counted_by_hand(evidence):
    table = consensus_table(evidence, ROWS).to_pylist()
    city, radio, unknown, outlier = (table[i]["votes"][0] for i in (0, 5, 6, 7))
    assert (city["projections"], city["type"], city["occurrences"]) == (5, "LOC", 5)
    assert city["type_share"] == pytest.approx(4 / 5)
    assert city["target_share"] == pytest.approx(4 / 5)
    assert city["coverage"] == pytest.approx(4 / 5)
    assert (radio["projections"], radio["type"], radio["occurrences"], radio["coverage"]) == (1, "ORG", 1, 1.0)
    assert (unknown["projections"], unknown["type"], unknown["coverage"]) == (5, "LOC", None)
    assert outlier["target_share"] == pytest.approx(1 / 5)
    assert outlier["coverage"] == pytest.approx(1 / 2)


def test_a_name_is_recovered_where_it_was_missed_and_nowhere_else(evidence):
    table = consensus_table(evidence, ROWS).to_pylist()
    assert [bool(row["recovered"]) for row in table] == [False] * 4 + [True] + [False] * 4
    (found,) = table[4]["recovered"]
    assert (found["type"], found["start"], found["end"], found["occurrences"]) == ("LOC", 13, 17, 5)
    assert found["coverage"] == pytest.approx(4 / 5)
    assert found["type_share"] == pytest.approx(3 / 4)


def test_names_are_found_whole_longest_first_in_any_script():
    evidence = Evidence()
    evidence.add_projections(
        [
            pair("a b c", "New York Times", ("a", "LOC", "New York"), ("a b c", "ORG", "New York Times")),
            pair("a", "北京大学和北京", ("a", "ORG", "北京大学")),
            pair("a", "北京", ("a", "LOC", "北京")),
        ]
    )
    text = "New York, die New York Times; New Yorker 北京大学和北京"
    assert [text[span.start : span.end] for span in evidence.find(text)] == [
        "New York",
        "New York Times",
        "北京大学",
        "北京",
    ]


def test_without_spaces_a_name_is_not_recovered_from_within_another_word():
    rows = [
        *[pair("China", text, ("China", "LOC", "中国")) for text in ("中国政府", "中国的", "在中国", "中国", "中国人")],
        *[pair("x", text) for text in ("发展中国家", "该发展中国家", "发展中国家的", "中国政府说", "来自中国。")],
        *[pair("Cologne", "Köln", ("Cologne", "LOC", "Köln"))] * 5,
        *[pair("x", "in Kölns Mitte, in Köln selbst")] * 5,
    ]
    evidence = Evidence()
    evidence.add_projections(rows)
    evidence.add_occurrences(rows)
    # Coverage: 5 of 10. Never an entity in two other texts with 家 after it; once in one with 政.
    assert evidence.coverage_at("发展中国家", Span(2, 4)) == pytest.approx((0 + 3 * 0.5) / (2 + 3))
    assert evidence.coverage_at("中国政府", Span(0, 2)) == pytest.approx(0.5)
    recovered = [row["recovered"] for row in consensus_table(evidence, rows).to_pylist()]
    assert [round(name["coverage"], 2) for row_ in recovered[5:10] for name in row_] == [0.3, 0.3, 0.3, 0.5, 0.5]
    # With spaces the character beside a name says nothing.
    assert [[name["coverage"] for name in row_] for row_ in recovered[-5:]] == [[0.5]] * 5


@st.composite
def corpora(draw):
    names = ["Köln", "Bonn", "Ulm", "Neu Ulm"]
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        words = draw(st.lists(st.sampled_from([*names, "und", "die"]), max_size=6))
        target = " ".join(words)
        spans, start = [], 0
        for word in words:
            spans.append((word, Span(start, start + len(word))))
            start += len(word) + 1
        labels = [
            pair("X", word, ("X", draw(st.sampled_from(["LOC", "ORG"])), word))["entities"][0]
            | {"target_start": span.start, "target_end": span.end}
            for word, span in spans
            if word in names and draw(st.booleans())
        ]
        rows.append(row(target, labels) | {"source_text": "X"})
    return rows


@settings(deadline=None)
@given(corpora())
def test_shares_are_shares_and_recovered_names_overlap_no_projected_one(rows):
    evidence = Evidence()
    evidence.add_projections(rows)
    evidence.add_occurrences(rows)
    table = consensus_table(evidence, rows)
    assert table.schema.equals(CONSENSUS)
    total = sum(len(row["entities"]) for row in rows)
    for row_, votes in zip(rows, table.to_pylist(), strict=True):
        assert len(votes["votes"]) == len(row_["entities"])
        for vote in votes["votes"]:
            assert 0 < vote["type_share"] <= 1
            assert 0 < vote["coverage"] <= 1
            assert vote["projections"] == total
        taken = [Span(label["target_start"], label["target_end"]) for label in row_["entities"]]
        for name in votes["recovered"]:
            span = Span(name["start"], name["end"])
            assert not any(span.overlaps(other) for other in taken)
            assert evidence.marks[row_["target_text"][span.start : span.end]].total() >= 2
            taken.append(span)


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


def test_names_vote_together_in_whatever_form_they_are_written():
    composed, decomposed = "Ọ̀yọ́", unicodedata.normalize("NFD", "Ọ̀yọ́")
    rows = [
        pair("Oyo is old", f"{composed} ti gbó", ("Oyo", "LOC", composed)),
        pair("Oyo is big", f"{decomposed} tóbi", ("Oyo", "LOC", decomposed)),
        pair("He is there", f"Ó wà ní {decomposed}"),
        pair("O’Brien speaks", "O’Brien sọ̀rọ̀", ("O’Brien", "PER", "O’Brien")),
        pair("O'Brien speaks", "O'Brien sọ̀rọ̀", ("O'Brien", "PER", "O'Brien")),
    ]
    evidence = Evidence()
    evidence.add_projections(rows)
    evidence.add_occurrences(rows)
    assert sorted(evidence.marks) == ["O'Brien", composed]
    votes = [evidence.vote(row, row["entities"][0]) for row in rows if row["entities"]]
    assert [vote["projections"] for vote in votes] == [2, 2, 2, 2]
    assert [vote["target_share"] for vote in votes] == [1, 1, 1, 1]
    # Where the name was missed, it is found again, at its place in the raw text.
    (found,) = evidence.recovered(rows[2])
    assert rows[2]["target_text"][found["start"] : found["end"]] == decomposed


def test_labels_of_two_codes_of_a_language_vote_together(tmp_path):
    row = pair("Cologne waits", "Köln wartet", ("Cologne", "LOC", "Köln"))
    folders = [write_labels(tmp_path / code, [row], language=code) for code in ("de", "deu")]
    assert build_consensus(ConsensusSettings(folders, str(tmp_path / "votes")))["files"] == 2
