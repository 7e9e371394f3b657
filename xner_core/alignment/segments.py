"""Scores of target spans, made of scores of words: a model of one segment in a sequence (semi-Markov CRF, Sarawagi
and Cohen 2004, with a single segment).

Relative to "there is none", whose score is 0, a span of words i to j has the score
start(i) + inside(i) + ... + inside(j) + end(j).
"""

import torch

# The longest span, in words; unspaced characters are words.
LONGEST = 32
_BARRED = -1e4


def span_scores(potentials: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Scores of all spans, [entities, lengths, words]: entry [e, l, i] is that of the l + 1 words from i on.

    Args:
        potentials: start, inside and end score of each word, [entities, words, 3]
        words: which are words, and not padding, [entities, words]
    """
    entities, count, _ = potentials.shape
    start, inside, end = potentials.masked_fill(~words[..., None], _BARRED).unbind(dim=2)
    sums = torch.nn.functional.pad(inside.clamp_min(-100).cumsum(dim=1), (1, 0))
    lengths = min(LONGEST, count)
    scores = potentials.new_full((entities, lengths, count), _BARRED)
    for step in range(lengths):
        left = count - step
        scores[:, step, :left] = start[:, :left] + sums[:, step + 1 :] - sums[:, :left] + end[:, step:]
    return scores


def span_loss(potentials: torch.Tensor, words: torch.Tensor, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each entity's span, or of there being none, [entities].

    Args:
        potentials: [entities, words, 3]
        words: which are words, [entities, words]
        first: first word of the span, -1 for none, [entities]
        last: its last word, at most `LONGEST` - 1 after the first, [entities]
    """
    scores = span_scores(potentials, words).flatten(1)
    everything = torch.nn.functional.pad(scores, (1, 0)).logsumexp(dim=1)
    place = (last - first) * potentials.shape[1] + first
    right = scores.gather(1, place.clamp_min(0)[:, None]).squeeze(1)
    return everything - torch.where(first >= 0, right, 0.0)
