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
    scheme: LabelScheme, unit_spans: Sequence[Sequence[Span]], probabilities: np.ndarray, constrained: bool = True
) -> list[list[Entity]]:
    """The entities of each text.

    An entity's confidence is the mean, over its units, of the probability of its type (beginning or inside).

    Args:
        scheme: the states
        unit_spans: the units of each text, words or tokens
        probabilities: [all units of all texts in order, states]
        constrained: whether an inside state of another type is forbidden; otherwise it begins an entity
    """
    lengths = np.array([len(spans) for spans in unit_spans], dtype=np.int64)
    if not lengths.sum():
        return [[] for _ in unit_spans]
    if constrained:
        states = best_states(np.log(probabilities + _FLOOR), lengths, transition_scores(scheme.states))
    else:
        states = probabilities.argmax(axis=1)

    result: list[list[Entity]] = []
    offset = 0
    for spans in unit_spans:
        result.append(_entities(scheme, spans, states[offset : offset + len(spans)], probabilities[offset:]))
        offset += len(spans)
    return result


def _entities(
    scheme: LabelScheme, spans: Sequence[Span], states: np.ndarray, probabilities: np.ndarray
) -> list[Entity]:
    if not states.any():
        return []
    # State 2k+1 begins type k and state 2k+2 continues it; type -1 is O.
    types = (states - 1) // 2
    types[states == 0] = -1
    changes = (np.flatnonzero((types[1:] != types[:-1]) | (states[1:] % 2 == 1)) + 1).tolist()
    entities = []
    for start, end in zip([0, *changes], [*changes, len(states)], strict=True):
        type_ = types[start]
        span = Span(spans[start].start, spans[end - 1].end)
        # A token may hold nothing but a space.
        if type_ >= 0 and span.start < span.end:
            confidence = probabilities[start:end, 2 * type_ + 1 : 2 * type_ + 3].sum(axis=1).mean()
            entities.append(Entity(span, scheme.types[type_], min(1.0, float(confidence))))
    return entities
