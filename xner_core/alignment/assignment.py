"""One target span for each entity, and none that overlap, over all entities of a sentence together."""

import numpy as np

from xner_core.alignment.candidates import Candidates


def assign(candidates: Candidates, queries: np.ndarray, source_spans: np.ndarray) -> np.ndarray:
    """Chooses greedily, in each sentence the best candidate first, for many sentences at once.

    Target spans may overlap only where their source spans do. Greedy is as good as an optimal assignment here.

    Args:
        candidates: of each entity, [entities, candidates]
        queries: the sentence pair of each entity, ascending, [entities]
        source_spans: half-open, [entities, 2]

    Returns:
        the chosen candidate's column for each entity, -1 if none is left, [entities]
    """
    entities = len(queries)
    picked = np.full(entities, -1, dtype=np.int64)
    if not entities:
        return picked
    _, sentence = np.unique(queries, return_inverse=True)
    first = np.searchsorted(sentence, np.arange(sentence[-1] + 1))
    score = np.where(candidates.start >= 0, candidates.score, 0)
    rows = np.arange(entities)
    while True:
        column = score.argmax(axis=1)
        best = score[rows, column]
        best_of_sentence = np.maximum.reduceat(best, first)
        # The first of the sentence's entities with its best score.
        leads = (best == best_of_sentence[sentence]) & (best > 0)
        winners = np.flatnonzero(leads)
        winners = winners[np.unique(sentence[winners], return_index=True)[1]]
        if not len(winners):
            return picked
        picked[winners] = column[winners]
        score[winners] = 0
        winner_of = np.full(len(first), -1, dtype=np.int64)
        winner_of[sentence[winners]] = winners
        others = np.flatnonzero((winner_of[sentence] >= 0) & (picked < 0))
        winner = winner_of[sentence[others]]
        start = candidates.start[winner, picked[winner]][:, None]
        end = candidates.end[winner, picked[winner]][:, None]
        clash = (candidates.start[others] < end) & (start < candidates.end[others])
        nested = (source_spans[others, 0] < source_spans[winner, 1]) & (
            source_spans[winner, 0] < source_spans[others, 1]
        )
        score[others] = np.where(clash & ~nested[:, None], 0, score[others])
