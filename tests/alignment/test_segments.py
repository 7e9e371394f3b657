import math

import pytest
import torch

from xner_core.alignment.segments import LONGEST, span_loss, span_scores


def test_a_span_scores_its_start_its_words_and_its_end():
    # Two words and one of padding.
    potentials = torch.tensor([[[1.0, 2.0, 4.0], [8.0, 16.0, 32.0], [9.0, 9.0, 9.0]]])
    scores = span_scores(potentials, torch.tensor([[True, True, False]]))
    assert scores.shape == (1, 3, 3)
    assert scores[0, 0, 0] == 1 + 2 + 4
    assert scores[0, 0, 1] == 8 + 16 + 32
    assert scores[0, 1, 0] == 1 + 2 + 16 + 32
    assert scores[0, 1, 1] < -1e3
    assert (scores[0, :, 2] < -1e3).all()
    assert (scores[0, 2] < -1e3).all()


def test_loss_is_the_share_of_the_right_span_among_all_and_none():
    potentials = torch.tensor([[[0.5, 0.2, 0.1], [-0.3, 0.4, 0.0]]]).expand(3, -1, -1)
    words = torch.ones(3, 2, dtype=torch.bool)
    first, last = torch.tensor([0, 0, -1]), torch.tensor([0, 1, -1])
    one, two, both = 0.5 + 0.2 + 0.1, -0.3 + 0.4 + 0.0, 0.5 + 0.2 + 0.4 + 0.0
    everything = math.log(sum(map(math.exp, (one, two, both, 0.0))))
    expected = torch.tensor([everything - one, everything - both, everything])
    torch.testing.assert_close(span_loss(potentials, words, first, last), expected)


def test_loss_has_the_gradient_of_finite_differences():
    generator = torch.Generator().manual_seed(1)
    potentials = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    words = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    first, last = torch.tensor([1, -1]), torch.tensor([3, -1])
    assert torch.autograd.gradcheck(lambda p: span_loss(p, words, first, last), (potentials,))


@pytest.mark.parametrize("words", [1, LONGEST, LONGEST + 5])
def test_no_span_is_longer_than_the_longest(words):
    scores = span_scores(torch.zeros(1, words, 3), torch.ones(1, words, dtype=torch.bool))
    assert scores.shape == (1, min(words, LONGEST), words)
