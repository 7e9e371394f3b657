import numpy as np
import pytest
import torch

from xner_core.alignment.aligner_kinds import MARKER, SPAN_QUERY
from xner_core.alignment.pair_rows import collate_rows
from xner_core.alignment.scorers import HEADS
from xner_core.alignment.segments import span_scores
from xner_core.alignment.trained import new_scorer


def _rows(tokeniser, source, target, asked):
    first, second = tokeniser.tokenise([source, target])
    return tokeniser.rows(first, second, np.arange(len(asked)), np.array(asked))


@pytest.mark.parametrize("kind", [MARKER, SPAN_QUERY])
def test_potentials_do_not_depend_on_what_else_is_in_the_batch(tiny_encoder, kind):
    scorer, tokeniser, layers = new_scorer(kind, tiny_encoder, None, rank=2)
    scorer.eval()
    assert layers == 1
    rows = _rows(tokeniser, "Ada saw Paris", "Ada sah Paris oft", [(0, 1), (2, 3)])
    rows += _rows(tokeniser, "It rained in Rome for many days", "Es regnete", [(3, 4)])
    with torch.inference_mode():
        together = scorer(collate_rows(rows, tokeniser.padding))
        apart = [scorer(collate_rows([row], tokeniser.padding)) for row in rows]
    assert together.shape == (3, 4, 3)
    entity = 0
    for row, alone in zip(rows, apart, strict=True):
        for potentials in alone:
            torch.testing.assert_close(together[entity, : len(row.word_tokens)], potentials, rtol=1e-4, atol=1e-4)
            entity += 1


def test_markers_potentials_are_the_log_odds_of_its_labels():
    """A span's score is the log-odds of its labels B I I against O O O."""
    head = HEADS[MARKER](2)
    logits = torch.tensor([[[0.1, 1.0, 0.3], [0.2, -0.5, 0.9], [0.4, 0.6, -0.7]]])
    potentials = torch.stack(
        [logits[..., 1] - logits[..., 2], logits[..., 2] - logits[..., 0], torch.zeros(1, 3)], dim=2
    )
    words = torch.ones(1, 3, dtype=torch.bool)
    scores = span_scores(potentials, words)
    log = logits.log_softmax(dim=2)[0]
    outside = log[:, 0].sum()
    torch.testing.assert_close(scores[0, 1, 0], log[0, 1] + log[1, 2] + log[2, 0] - outside)
    torch.testing.assert_close(scores[0, 0, 2], log[0, 0] + log[1, 0] + log[2, 1] - outside)
    loss = head.loss(potentials, words, torch.tensor([0]), torch.tensor([1]))
    torch.testing.assert_close(loss, -(log[0, 1] + log[1, 2] + log[2, 0])[None])
    nothing = head.loss(potentials, words, torch.tensor([-1]), torch.tensor([-1]))
    torch.testing.assert_close(nothing, -outside[None])
