import pyarrow as pa
import pytest
from hypothesis import settings

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.errors import XnerError
from xner_core.labels.schema import LABELS, TAGS, read_counts
from xner_core.projection.stages import align_shard, tag_shard
from xner_core.storage.files import locate, write_table
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings

PROVENANCE = {"source_language": "en", "shard": "s", "tagger": "t", "aligner": "a"}


@settings(deadline=None)
@pytest.fixture(scope="module")
def pairs() -> pa.Table:
    source = ["Anna Weber lives in Bonn.", "", "It rains in Ulm 👍🏽 today.", "Bosch"]
    target = ["Anna Weber wohnt in Bonn.", "Leer.", "In Ulm regnet es heute.", ""]
    return pa.table(
        {
            "pair_id": [f"{i:032x}" for i in range(4)],
            "source_text": source,
            "target_text": target,
            "score": pa.nulls(4, pa.float32()),
            "origin": ["a.en"] * 4,
        }
    )


@pytest.fixture(scope="module")
def tagger(tiny_tagger) -> Tagger:
    return Tagger(TaggerSettings(tiny_tagger))


def test_a_shard_is_tagged_and_aligned(pairs, tagger, tiny_encoder, tmp_path):
    tags = tag_shard(tagger, pairs)
    assert tags.schema.equals(TAGS)
    aligner = AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0).load()
    labels = align_shard(aligner, pairs, tags, PROVENANCE)
    assert labels.schema.equals(LABELS)
    assert labels["pair_id"].equals(pairs["pair_id"])
    found = 0
    for tagged, row in zip(tags.to_pylist(), labels.to_pylist(), strict=True):
        assert len(tagged["entities"]) == len(row["entities"])
        for tag, entity in zip(tagged["entities"], row["entities"], strict=True):
            found += 1
            assert (tag["type"], tag["start"], tag["end"]) == (
                entity["type"],
                entity["source_start"],
                entity["source_end"],
            )
            if entity["status"] == "projected":
                assert 0 <= entity["target_start"] < entity["target_end"] <= len(row["target_text"])
                assert entity["reason"] is None
            else:
                assert entity["target_start"] is None
                assert entity["reason"]
    assert found, "the tiny tagger found nothing, so this test shows nothing"
    assert labels["mentions"].to_pylist() == tags["mentions"].to_pylist()
    mentioned = tagger.tag(pairs["target_text"].to_pylist())
    for mentions, entities in zip(labels["mentions"].to_pylist(), mentioned, strict=True):
        spans = [(mention["type"], mention["start"], mention["end"]) for mention in mentions]
        assert spans == [(entity.type, *entity.span) for entity in entities]

    write_table(locate(tmp_path / "labels.parquet"), labels)
    counts = read_counts(locate(tmp_path / "labels.parquet"))
    assert counts["pairs"] == 4
    assert counts["entities"] == found == counts["projected"] + sum(counts["unknown_by_reason"].values())


def test_without_mentions_only_the_source_is_tagged(pairs, tagger, tiny_tagger):
    tags = tag_shard(Tagger(TaggerSettings(tiny_tagger, mentions=False)), pairs)
    assert tags["mentions"].null_count == len(pairs)
    spans = [
        [[(tag["type"], tag["start"], tag["end"]) for tag in row] for row in table["entities"].to_pylist()]
        for table in (tags, tag_shard(tagger, pairs))
    ]
    assert spans[0] == spans[1]


def test_a_row_that_raises_keeps_its_traceback_and_loses_no_other(pairs, tagger, tiny_encoder, monkeypatch):
    good = tagger.tag

    def tag(texts):
        if "Bosch" in texts:
            raise ValueError("cannot read this")
        return good(texts)

    monkeypatch.setattr(tagger, "tag", tag)
    tags = tag_shard(tagger, pairs)
    aligner = AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0).load()
    labels = align_shard(aligner, pairs, tags, PROVENANCE).to_pylist()
    assert [row["quarantine"] is not None for row in labels] == [False, False, False, True]
    assert "cannot read this" in labels[3]["quarantine"]
    assert labels[3]["entities"] == []


def test_tags_of_other_pairs_are_refused(pairs, tagger, tiny_encoder):
    tags = tag_shard(tagger, pairs)
    aligner = AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0).load()
    with pytest.raises(XnerError, match="not of its pairs"):
        align_shard(aligner, pairs.slice(0, 2), tags, PROVENANCE)
