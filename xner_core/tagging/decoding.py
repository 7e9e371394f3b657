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
    """The best state sequences, by the Viterbi algorithm.

    Args:
        log_probabilities: [texts, words, states]
        lengths: words of each text, [texts]
        transitions: [states, states]

    Returns:
        state indices, [texts, words]; past a text's length they mean nothing
    """
    texts, steps, states = log_probabilities.shape
    backward = np.tile(np.arange(states), (steps, texts, 1))
    score = log_probabilities[:, 0].copy()
    for step in range(1, steps):
        candidates = score[:, :, None] + transitions
        best = candidates.argmax(axis=1)
        active = (lengths > step)[:, None]
        backward[step] = np.where(active, best, np.arange(states))
        reached = np.take_along_axis(candidates, best[:, None], axis=1)[:, 0] + log_probabilities[:, step]
        score = np.where(active, reached, score)
    path = np.empty((texts, steps), dtype=np.int64)
    path[:, -1] = score.argmax(axis=1)
    for step in range(steps - 1, 0, -1):
        path[:, step - 1] = np.take_along_axis(backward[step], path[:, step, None], axis=1)[:, 0]
    return path


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
        padded = np.zeros((len(lengths), lengths.max(), len(scheme.states)), dtype=np.float32)
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded[mask] = np.log(probabilities + _FLOOR)
        states = best_states(padded, lengths, transition_scores(scheme.states))[mask]
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
