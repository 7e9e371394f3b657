"""Sentence pairs at hand get the labels that the job gives them."""

import logging

import pytest

from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import open_corpus
from xner_core.errors import XnerError
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.sample import write_sample_corpus
from xner_core.storage.files import locate, read_table
from xner_core.text.spans import Span
from xner_core.workflows import interactive
from xner_core.workflows.interactive import load_aligner, load_tagger, project

PROVENANCE = {"source_language": "en", "shard": "s", "tagger": "t", "aligner": "a"}
SPANS = ("type", "source_start", "source_end", "target_start", "target_end", "status", "reason")
CONFIDENCES = ("tagger_confidence", "aligner_confidence")


@pytest.fixture(scope="module")
def tagger(tiny_tagger):
    return load_tagger(tiny_tagger, device="cpu")


@pytest.fixture(scope="module")
def aligner(tiny_encoder):
    return load_aligner("similarity", encoder=tiny_encoder, min_confidence=0.5, device="cpu")


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> list:
    """The pairs of the sample, as the job ingests them."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample_corpus(folder / "text", "en", "de")
    ingest_corpus(IngestSettings(str(folder / "text"), str(folder / "corpus"), "de"))
    return [read_table(locate(shard.path)) for shard in open_corpus(locate(folder / "corpus")).shards]


def texts(shard) -> list[tuple[str, str]]:
    return list(zip(shard["source_text"].to_pylist(), shard["target_text"].to_pylist(), strict=True))


def flat(pair) -> list[dict]:
    """The entities of a pair with the columns of label files."""
    return [
        {
            "type": entity.type,
            "source_start": entity.source.start,
            "source_end": entity.source.end,
            "target_start": entity.target and entity.target.start,
            "target_end": entity.target and entity.target.end,
            "tagger_confidence": entity.tagger_confidence,
            "aligner_confidence": entity.aligner_confidence,
            "status": entity.status,
            "reason": entity.reason,
        }
        for entity in pair.entities
    ]


def test_labels_are_those_of_the_job(shards, tagger, aligner):
    statuses = set()
    for shard in shards:
        labels = align_shard(aligner, shard, tag_shard(tagger, shard), PROVENANCE).to_pylist()
        for pair, row in zip(project(texts(shard), tagger, aligner), labels, strict=True):
            assert (pair.source_text, pair.target_text) == (row["source_text"], row["target_text"])
            assert flat(pair) == row["entities"]
            found = [(mention.type, *mention.span, mention.confidence) for mention in pair.mentions]
            assert found == [tuple(mention.values()) for mention in row["mentions"]]
            for entity in pair.entities:
                statuses.add(entity.status)
                assert entity.source_text == row["source_text"][entity.source.start : entity.source.end]
                if entity.target:
                    assert entity.target_text == row["target_text"][entity.target.start : entity.target.end]
    assert statuses == {"projected", "unknown"}, "the tiny models must find some and miss some"


def test_pairs_are_read_a_bounded_number_at_once(shards, tagger, aligner, monkeypatch):
    pairs = texts(shards[0])[:10]
    whole = project(pairs, tagger, aligner)
    monkeypatch.setattr(interactive, "_AT_ONCE", 4)
    seen, read, tag = [], 0, tagger.tag

    def reading():
        nonlocal read
        for pair in pairs:
            read += 1
            yield pair

    def counting(given):
        seen.append((read, len(given)))
        return tag(given)

    monkeypatch.setattr(tagger, "tag", counting)
    parts = project(reading(), tagger, aligner)
    assert seen == [(4, 8), (8, 8), (10, 4)]
    for one, other in zip(whole, parts, strict=True):
        for row, row_of_parts in zip(flat(one), flat(other), strict=True):
            assert {name: row[name] for name in SPANS} == {name: row_of_parts[name] for name in SPANS}
            for name in CONFIDENCES:
                assert row[name] == pytest.approx(row_of_parts[name], abs=1e-5)


def test_a_pair_that_a_model_raises_on_costs_no_other(tagger, aligner, monkeypatch, caplog):
    tag = tagger.tag

    def raising(given):
        if any("Bosch" in text for text in given):
            raise ValueError("cannot read this")
        return tag(given)

    pairs = [("Anna Weber lives in Bonn.", "Anna Weber wohnt in Bonn."), ("Bosch grows.", "Bosch wächst.")]
    good = project(pairs[:1], tagger, aligner)
    monkeypatch.setattr(tagger, "tag", raising)
    with caplog.at_level(logging.WARNING):
        first, second = project(pairs, tagger, aligner)
    assert [(entity.type, entity.source, entity.target) for entity in first.entities] == [
        (entity.type, entity.source, entity.target) for entity in good[0].entities
    ]
    assert first.entities
    assert second.entities == ()
    assert "cannot read this" in second.quarantine
    assert "1 of 2 pairs" in caplog.text


def test_without_mentions_the_target_texts_are_not_tagged(tiny_tagger, aligner):
    (pair,) = project(
        [("Anna lives in Bonn.", "Anna wohnt in Bonn.")], load_tagger(tiny_tagger, mentions=False), aligner
    )
    assert pair.mentions is None


def test_nothing_gives_nothing(tagger, aligner):
    assert project([], tagger, aligner) == []


@pytest.mark.parametrize("wrong", ["ab", ("a",), ("a", None), ("a", "b", "c")])
def test_what_is_no_pair_is_refused(wrong, tagger, aligner):
    with pytest.raises(XnerError, match="pair 1 is"):
        project([("Good.", "Gut."), wrong], tagger, aligner)


def test_spans_are_spans(tagger, aligner):
    (pair,) = project([("Anna Weber lives in Bonn.", "Anna Weber wohnt in Bonn.")], tagger, aligner)
    assert pair.entities
    assert all(isinstance(entity.source, Span) for entity in pair.entities)
