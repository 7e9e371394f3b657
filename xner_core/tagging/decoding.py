"""From state probabilities of units, words or tokens, to entities, over a whole batch at once."""

from collections.abc import Sequence

import numpy as np

from xner_core.tagging.label_scheme import OUTSIDE, LabelScheme
from xner_core.text.spans import Entity, Span

_FLOOR = 1e-12


def transition_scores(states: Sequence[str]) -> np.ndarray:
    """Log scores [from, to]: an inside state does not follow a state of another type.

    It may follow O, because models trained on IOB1 (many CoNLL-2003 ones) begin entities so.
    """
    scores = np.zeros((len(states), len(states)), dtype=np.float32)
    for row, previous in enumerate(states):
        for column, state in enumerate(states):
            if state.startswith("I-") and previous not in (OUTSIDE, f"B-{state[2:]}", f"I-{state[2:]}"):
                scores[row, column] = -np.inf
    return scores


def best_states(log_probabilities: np.ndarray, lengths: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """The best state sequences, by the Viterbi algorithm (Viterbi 1967, IEEE Transactions on Information Theory 13).

    A text costs time and memory by its own length, whatever others it is with.

    Args:
        log_probabilities: of all words of all texts in order, [words, states]
        lengths: words of each text, [texts]
        transitions: [states, states]

    Returns:
        state indices, [words]
    """
    starts = np.cumsum(lengths) - lengths
    # The longest first: at each step, those that are not at their end come before all others.
    order = np.argsort(-lengths, kind="stable")
    starts, ascending = starts[order], np.sort(lengths)
    going_on = [len(lengths) - int(np.searchsorted(ascending, step, "right")) for step in range(ascending[-1])]
    before = np.zeros(log_probabilities.shape, dtype=np.int64)
    score = np.zeros((len(lengths), len(transitions)), dtype=log_probabilities.dtype)
    for step, texts in enumerate(going_on):
        word = starts[:texts] + step
        if step == 0:
            score[:texts] = log_probabilities[word]
            continue
        candidates = score[:texts, :, None] + transitions
        before[word] = best = candidates.argmax(axis=1)
        score[:texts] = np.take_along_axis(candidates, best[:, None], axis=1)[:, 0] + log_probabilities[word]
    states = np.zeros(len(log_probabilities), dtype=np.int64)
    state = score.argmax(axis=1)
    for step, texts in reversed(list(enumerate(going_on))):
        word = starts[:texts] + step
        states[word] = state[:texts]
        state[:texts] = before[word, state[:texts]]
    return states


def decode(
    scheme: LabelScheme, units: Sequence[np.ndarray], probabilities: np.ndarray, constrained: bool = True
) -> list[list[Entity]]:
    """The entities of each text.

    An entity's confidence is the mean, over its units, of the probability of its type (beginning or inside).

    Args:
        scheme: the states
        units: the units of each text, words or tokens, half-open offsets in it, [units, 2] each
        probabilities: [all units of all texts in order, states]
        constrained: whether an inside state of another type is forbidden; otherwise it begins an entity
    """
    result: list[list[Entity]] = [[] for _ in units]
    lengths = np.fromiter(map(len, units), dtype=np.int64, count=len(units))
    if not lengths.sum():
        return result
    if constrained:
        states = best_states(np.log(probabilities + _FLOOR), lengths, transition_scores(scheme.states))
    else:
        states = probabilities.argmax(axis=1)
    texts = np.repeat(np.arange(len(units)), lengths)
    first, last, types = _runs(states, texts)
    spans = np.concatenate(units)
    starts, ends = spans[first, 0], spans[last, 1]
    # A token may hold nothing but a space.
    there = starts < ends
    first, last, types, starts, ends = (values[there] for values in (first, last, types, starts, ends))
    confidence = np.minimum(1.0, _confidence(probabilities, first, last, types).astype(np.float64))
    rows = (texts[first], starts, ends, types, confidence)
    for text, start, end, type_, sure in zip(*(values.tolist() for values in rows), strict=True):
        result[text].append(Entity(Span(start, end), scheme.types[type_], sure))
    return result


def _runs(states: np.ndarray, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first and the last unit of each entity, and its type, all [entities].

    Args:
        states: of all units, [units]
        texts: the text of each, [units]
    """
    # State 2k+1 begins type k and state 2k+2 continues it; type -1 is O.
    types = (states - 1) // 2
    begins = np.append(True, (np.diff(types) != 0) | (states[1:] % 2 == 1) | (np.diff(texts) != 0))
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(states)) - 1
    typed = types[first] >= 0
    return first[typed], last[typed], types[first][typed]


def _confidence(probabilities: np.ndarray, first: np.ndarray, last: np.ndarray, types: np.ndarray) -> np.ndarray:
    """The mean probability of each entity's type over its units, [entities]."""
    confidence = np.empty(len(first), dtype=probabilities.dtype)
    sizes = last - first + 1
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        unit, column = first[chosen, None] + np.arange(size), 2 * types[chosen, None] + 1
        confidence[chosen] = (probabilities[unit, column] + probabilities[unit, column + 1]).mean(axis=1)
    return confidence
