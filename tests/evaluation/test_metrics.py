import pytest

from xner_core.evaluation.metrics import score


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
