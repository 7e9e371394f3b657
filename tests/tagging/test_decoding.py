from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.tagging.decoding import best_states, decode, transition_scores
from xner_core.tagging.label_scheme import CONLL, LabelScheme
from xner_core.text.spans import Span

SCHEME = LabelScheme(["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], CONLL)
NOTHING = np.zeros((0, 2), dtype=np.int64)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4).filter(any), st.integers(0, 2**32 - 1))
def test_the_best_states_are_those_of_trying_every_sequence(lengths, seed):
    transitions = transition_scores(SCHEME.states)
    states = len(SCHEME.states)
    all_scores = np.log(np.random.default_rng(seed).dirichlet(np.ones(states), sum(lengths)))
    found = best_states(all_scores.astype(np.float32), np.array(lengths), transitions)
    ends = np.cumsum(lengths)
    for end, length in zip(ends, lengths, strict=True):
        scores = all_scores[end - length : end]

        def total(path, scores=scores):
            steps = sum(scores[i, state] for i, state in enumerate(path))
            return steps + sum(transitions[a, b] for a, b in pairwise(path))

        best = max(product(range(states), repeat=length), key=total)
        assert total(tuple(found[end - length : end])) == pytest.approx(total(best), abs=1e-4)


def probabilities(*rows: dict[str, float]) -> np.ndarray:
    matrix = np.zeros((len(rows), len(SCHEME.states)), dtype=np.float32)
    for row, given_ in enumerate(rows):
        for state, value in given_.items():
            matrix[row, SCHEME.states.index(state)] = value
    return matrix


def test_entities_are_split_at_beginnings_and_take_one_type():
    words = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    entities = decode(
        SCHEME,
        [words],
        probabilities(
            {"B-LOC": 0.9, "O": 0.1},
            {"B-LOC": 0.8, "O": 0.2},
            {"I-LOC": 0.4, "I-PER": 0.5, "O": 0.1},
            {"O": 1.0},
        ),
    )
    # The third word is LOC because a PER cannot continue a LOC, though it is likelier by itself.
    assert [(entity.span, entity.type) for entity in entities[0]] == [(Span(0, 1), "LOC"), (Span(2, 5), "LOC")]
    assert entities[0][1].confidence == pytest.approx(0.6)


def test_an_inside_state_may_begin_an_entity():
    entities = decode(SCHEME, [np.array([[0, 3]]), NOTHING], probabilities({"I-PER": 1.0}))
    assert [[(entity.span, entity.type) for entity in found] for found in entities] == [[(Span(0, 3), "PER")], []]


def test_no_words_no_entities():
    assert decode(SCHEME, [NOTHING, NOTHING], np.zeros((0, 5), dtype=np.float32)) == [[], []]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_entities_are_those_of_each_text_alone(states, seed):
    chance = np.random.default_rng(seed)
    found = np.concatenate([np.zeros((0, 5), np.float32), *(np.eye(5, dtype=np.float32)[row] for row in states if row)])
    found = (found + 0.1 * chance.random(found.shape)).astype(np.float32)
    units = [np.stack([np.arange(len(row)), np.arange(len(row)) + 1], axis=1) for row in states]
    ends = np.cumsum([len(row) for row in states])
    alone = [
        decode(SCHEME, [own], found[end - len(own) : end], constrained=False)[0]
        for own, end in zip(units, ends, strict=True)
    ]
    assert decode(SCHEME, units, found, constrained=False) == alone
    for row, entities, end in zip(states, alone, ends, strict=True):
        for entity in entities:
            first, last = entity.span
            type_ = SCHEME.types.index(entity.type)
            assert all(state in (2 * type_ + 1, 2 * type_ + 2) for state in row[first:last])
            assert all(state == 2 * type_ + 2 for state in row[first + 1 : last])
            own = found[end - len(row) :][first:last, 2 * type_ + 1 : 2 * type_ + 3]
            assert entity.confidence == min(1.0, float(own.sum(axis=1).mean()))
