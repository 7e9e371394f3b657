import dataclasses

import pytest

from projections import EqualAligner, places, publish_projection, write_text
from xner_core.snapshots.differences import changed_parts, difference


@pytest.fixture
def text(tmp_path):
    write_text(tmp_path / "text", "news", places(20))
    write_text(tmp_path / "text", "talks", places(5, 50))
    return tmp_path / "text"


def test_pairs_and_entities_of_what_changed(text, tmp_path):
    before = publish_projection(text, tmp_path / "out")
    write_text(text, "news", ["dry", *places(16, 2)])
    write_text(text, "blogs", places(3, 100))
    after = publish_projection(text, tmp_path / "out")
    found = difference(before, after)
    assert (found["before"], found["after"], found["fingerprints"]) == (before.name, after.name, {})
    assert set(found["partitions"]) == {"de/news", "de/blogs"}
    assert found["partitions"]["de/blogs"] == {
        "pairs": {"before": 0, "after": 3, "added": 3, "removed": 0, "relabelled": 0, "rescored": 0},
        "entities": {"LOC": {"before": 0, "after": 3}},
        "unknown": {"before": 0, "after": 0},
    }
    news = found["partitions"]["de/news"]
    # Those of the shards that an added or removed pair was in are in other files, with the same labels.
    same = {"relabelled": 0, "rescored": 0}
    assert news["pairs"] == {"before": 20, "after": 17, "added": 1, "removed": 4} | same
    assert news["entities"] == {"LOC": {"before": 20, "after": 16}}
    assert {name: counts["added"] > 0 for name, counts in found["files"].items()} == {
        "labels": True,
        "pairs": True,
        "tags": True,
    }
    backwards = difference(after, before)
    assert backwards["partitions"]["de/news"]["pairs"]["added"] == 4


def test_a_state_that_did_not_change_is_no_new_snapshot(text, tmp_path):
    before = publish_projection(text, tmp_path / "out")
    after = publish_projection(text, tmp_path / "out")
    assert after.name == before.name
    found = difference(before, after)
    assert found["partitions"] == found["files"] == found["fingerprints"] == {}
    assert found["parts"] == []


def test_another_aligner_labels_the_same_pairs_again(text, tmp_path):
    class Doubter(EqualAligner):
        def _align(self, query, span):
            found = super()._align(query, span)
            if query.source_text[span.start : span.end] == "ABC":
                return dataclasses.replace(found, target=None, reason="doubt")
            return found

    write_text(text, "news", [*places(20), "ABC"])
    before = publish_projection(text, tmp_path / "out")
    after = publish_projection(text, tmp_path / "out", Doubter("3" * 32))
    found = difference(before, after)
    assert set(found["fingerprints"]) == {"labels"}
    news = found["partitions"]["de/news"]
    assert news["pairs"] == {"before": 21, "after": 21, "added": 0, "removed": 0, "relabelled": 1, "rescored": 0}
    assert news["entities"] == {"LOC": {"before": 21, "after": 20}}
    assert news["unknown"] == {"before": 0, "after": 1}
    assert found["files"] == {
        "labels": {"added": len(after.addresses()), "removed": len(before.addresses())},
    }


def test_confidences_alone_are_counted_apart(text, tmp_path):
    class Surer(EqualAligner):
        def _align(self, query, span):
            return dataclasses.replace(super()._align(query, span), confidence=0.9)

    before = publish_projection(text, tmp_path / "out")
    after = publish_projection(text, tmp_path / "out", Surer("3" * 32))
    for partition, pairs in (("de/news", 20), ("de/talks", 5)):
        counts = difference(before, after)["partitions"][partition]["pairs"]
        assert (counts["relabelled"], counts["rescored"]) == (0, pairs)


def parts(**changes) -> dict:
    own = {"tagger": {"version": 2, "model": "a" * 32, "labels": {"PER": "PER"}}, "aligner": {"version": 3}}
    return {name: value | changes.get(name, {}) for name, value in own.items()}


def test_what_was_made_otherwise_is_named(text, tmp_path):
    snapshot = publish_projection(text, tmp_path / "out")
    before = dataclasses.replace(snapshot.description, parts=parts())
    other = before.fingerprints | {"labels": "4" * 32}
    changed = parts(tagger={"model": "b" * 32, "labels": {"PERSON": "PER"}}, aligner={"version": 4})
    assert changed_parts(before, other, changed) == [
        "aligner.version 3, now 4",
        "tagger.labels.PER PER, now none",
        "tagger.labels.PERSON none, now PER",
        "tagger.model aaaaaaaa…, now bbbbbbbb…",
    ]
    assert changed_parts(before, before.fingerprints, parts()) == []
    # Nothing but that it was otherwise is known of snapshots that do not say.
    assert len(changed_parts(snapshot.description, other, changed)) == 1
