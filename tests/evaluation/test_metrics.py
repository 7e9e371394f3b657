import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.evaluation.metrics import entity_counts, f1, precision, recall, score
from xner_core.evaluation.schemes import as_iob2
from xner_core.text.spans import entities_of_tags, join_tokens

TYPES = ["LOC", "PER"]
TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])


@st.composite
def tagged_twice(draw):
    length = draw(st.integers(1, 7))
    return [as_iob2(draw(st.lists(TAGS, min_size=length, max_size=length))) for _ in range(2)]


@settings(deadline=None)
@given(st.lists(tagged_twice(), min_size=1, max_size=6))
def test_counts_give_the_scores_of_seqeval(sentences):
    gold, predicted = zip(*sentences, strict=True)
    entities = [
        [entities_of_tags(tags, join_tokens(["x"] * len(tags))[1]) for tags in side] for side in (gold, predicted)
    ]
    counts = entity_counts(*entities, TYPES).sum(axis=0)
    expected = score(gold, predicted)
    if counts.any():
        for function in (precision, recall, f1):
            assert function(counts.sum(axis=0)) == pytest.approx(expected[function.__name__])
            for row, type_ in enumerate(TYPES):
                if type_ in expected["per_type"]:
                    assert function(counts[row]) == pytest.approx(expected["per_type"][type_][function.__name__])


def test_counts_are_by_sentence_and_type():
    _, spans = join_tokens(["a", "b", "c"])
    gold = [entities_of_tags(["B-PER", "I-PER", "B-LOC"], spans), entities_of_tags(["B-ORG", "O", "O"], spans)]
    predicted = [entities_of_tags(["B-PER", "I-PER", "B-PER"], spans), []]
    counts = entity_counts(gold, predicted, TYPES)
    assert counts.tolist() == [[[0, 0, 1], [1, 2, 1]], [[0, 0, 0], [0, 0, 0]]]
    assert f1(counts.sum(axis=(0, 1))) == 0.5
    assert np.array_equal(f1(np.zeros((2, 3))), [0, 0])


def test_micro_and_per_type_scores():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"]]
    predicted = [["B-PER", "I-PER", "O", "O"], ["B-LOC", "O"]]
    result = score(gold, predicted)
    assert (result["precision"], result["recall"]) == (0.5, pytest.approx(1 / 3))
    assert result["f1"] == pytest.approx(0.4)
    assert result["per_type"]["PER"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    assert result["per_type"]["LOC"]["f1"] == 0


def test_a_wrong_boundary_is_wrong():
    assert score([["B-PER", "I-PER"]], [["B-PER", "O"]])["f1"] == 0


def test_inside_without_a_beginning_is_no_entity():
    assert score([["B-PER", "O"]], [["I-PER", "O"]])["f1"] == 0
