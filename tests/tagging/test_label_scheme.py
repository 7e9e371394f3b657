import numpy as np
import pytest

from xner_core.errors import XnerError
from xner_core.tagging.label_scheme import LabelScheme, label_map


def test_bioes_labels_become_begin_and_inside_states():
    labels = ["O", "B-PERSON", "I-PERSON", "E-PERSON", "S-PERSON", "S-DATE"]
    scheme = LabelScheme(labels, label_map("ontonotes"))
    assert scheme.states == ["O", "B-PER", "I-PER"]
    states = [scheme.states[column] for column in scheme.matrix.argmax(axis=1)]
    assert states == ["O", "B-PER", "I-PER", "I-PER", "B-PER", "O"]
    assert np.array_equal(scheme.matrix.sum(axis=1), np.ones(len(labels)))


def test_types_that_are_left_out_are_named(caplog):
    LabelScheme(["O", "B-LOC", "B-PER", "B-DATE"], label_map("ontonotes"))
    assert "leaves out: DATE, PER" in caplog.text


def test_two_types_may_become_one():
    scheme = LabelScheme(["O", "B-GPE", "I-GPE", "B-FAC"], label_map("ontonotes"))
    assert scheme.types == ["LOC"]
    assert scheme.matrix[3].tolist() == scheme.matrix[1].tolist()


def test_a_map_without_any_of_the_models_types_is_refused():
    with pytest.raises(XnerError, match=r"PERSON.*label_map"):
        LabelScheme(["O", "B-PERSON", "I-PERSON"], label_map("conll"))
    with pytest.raises(XnerError, match="conll, ontonotes"):
        label_map("conl")
