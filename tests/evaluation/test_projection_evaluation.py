import dataclasses
import json
import sys
import time

import pytest

from gold_rows import ROWS
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.errors import XnerError
from xner_core.evaluation.evaluation_settings import ProjectionEvaluation
from xner_core.evaluation.projection_evaluation import as_table, evaluate_projection
from xner_core.tagging.tagger_settings import TaggerSettings

EVERYTHING = CleaningSettings(identify_language=False)


def test_a_perfect_projection_reaches_the_f1_of_counts(write, tiny_encoder):
    same = [{"en": row["en"], "xx": row["en"]} for row in ROWS]
    started = time.perf_counter()
    result = evaluate_projection(
        ProjectionEvaluation(write(*same), "xx", aligner=AlignerSettings("similarity", tiny_encoder))
    )
    assert result["status"] == "done"
    assert result["f1"] == result["count_f1"] == result["share_of_count_f1"] == 1
    assert set(result["per_type"]) == {"PER", "LOC"}
    assert (result["pairs"], result["source_entities"], result["share_null"]) == (2, 3, 0)
    # The model is loaded outside of what is timed.
    assert result["pairs_per_second"] > 2 / (time.perf_counter() - started)
    json.dumps(result)


def test_entities_of_a_tagger_are_scored_beside_the_same_counts(write, tiny_encoder, tiny_tagger):
    path = write(*ROWS)
    gold = evaluate_projection(ProjectionEvaluation(path, "de", aligner=AlignerSettings("similarity", tiny_encoder)))
    tagged = evaluate_projection(
        ProjectionEvaluation(
            path,
            "de",
            aligner=AlignerSettings("similarity", tiny_encoder),
            entities="tagger",
            tagger=TaggerSettings(tiny_tagger),
        )
    )
    assert tagged["count_f1"] == gold["count_f1"]
    assert tagged["f1"] < gold["f1"]


def test_gold_without_entities_has_scores_of_zero(write, tiny_encoder):
    row = {language: {"tokens": ["so"], "tags": ["O"]} for language in ("en", "de")}
    result = evaluate_projection(
        ProjectionEvaluation(write(row), "de", aligner=AlignerSettings("similarity", tiny_encoder))
    )
    assert all(result[name] == 0 for name in ("f1", "count_f1", "share_of_count_f1", "share_null"))


def test_source_and_target_differ():
    with pytest.raises(ValueError, match="both 'en'"):
        ProjectionEvaluation("gold.jsonl", "en")


def test_the_figures_of_several_aligners_stand_side_by_side(write, tiny_encoder, capsys):
    path = write(*ROWS)
    alone = evaluate_projection(ProjectionEvaluation(path, "de", aligner=AlignerSettings("similarity", tiny_encoder)))
    result = evaluate_projection(
        ProjectionEvaluation(
            path,
            "de",
            aligner=AlignerSettings("similarity", tiny_encoder),
            compare=True,
            aligners=["similarity", "similarity"],
            rivals=[],
        )
    )
    (row,) = result["rows"]
    assert row["aligner"] == "similarity"
    assert {**row, "pairs_per_second": 0} == {**{name: alone[name] for name in row}, "pairs_per_second": 0}
    assert "share of it" in capsys.readouterr().out
    json.dumps(result)


def test_rivals_are_scored_on_the_same_pairs(write, tiny_encoder, tmp_path):
    for package in ("simalign", "eflomal"):
        pytest.importorskip(package, reason="comes with the extra `rivals`")
    text = tmp_path / "text"
    text.mkdir()
    (text / "news.en").write_text("Ada met Bob here\nRome sleeps today\nAda sleeps in Rome\n")
    (text / "news.de").write_text("Ada traf Bob hier\nRom schläft heute\nAda schläft in Rom\n")
    ingest_corpus(IngestSettings(str(text), str(tmp_path / "corpus"), "de", cleaning=EVERYTHING))
    settings = ProjectionEvaluation(
        write(*ROWS),
        "de",
        aligner=AlignerSettings("similarity", tiny_encoder),
        compare=True,
        aligners=["similarity"],
        rival_corpus=str(tmp_path / "corpus"),
    )
    rows = evaluate_projection(settings)["rows"]
    assert [row["aligner"] for row in rows] == ["similarity", "simalign", "eflomal"]
    assert {row["count_f1"] for row in rows} == {0.8}
    assert {row["source_entities"] for row in rows} == {3}
    with pytest.raises(XnerError, match="a corpus of en-de, but rivals have to be trained on en-zh"):
        evaluate_projection(dataclasses.replace(settings, target="zh"))


def test_a_missing_rival_is_known_before_anything_is_measured(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "simalign", None)
    with pytest.raises(XnerError, match=r"xner\[rivals\]"):
        evaluate_projection(
            ProjectionEvaluation(write(*ROWS), "de", compare=True, aligners=["nowhere"], rivals=["simalign"])
        )


def test_what_a_comparison_needs():
    with pytest.raises(ValueError, match="name an ingested corpus as rival_corpus"):
        ProjectionEvaluation("gold.jsonl", "de", compare=True)
    with pytest.raises(ValueError, match="nothing to compare"):
        ProjectionEvaluation("gold.jsonl", "de", compare=True, aligners=[], rivals=[])


def test_a_table_has_a_line_for_each_aligner():
    row = {
        "aligner": "similarity",
        "f1": 0.5,
        "count_f1": 0.8,
        "share_of_count_f1": 0.625,
        "calibration": {"expected_calibration_error": 0.0471, "error_ratio_90": None},
        "null": {"aligned_null": 0.03, "removed_null": None},
        "pairs_per_second": 12.34,
    }
    table = [line.split("  ") for line in as_table([row, {**row, "aligner": "a"}]).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in table]
    assert cells[0][:3] == ["aligner", "F1", "F1 of counts"]
    assert cells[1] == ["similarity", "50.0", "80.0", "62.5 %", "0.047", "-", "3.0 %", "-", "12.3"]
    assert cells[2][0] == "a"
