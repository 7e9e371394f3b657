"""The two trained scorers: encoders of sentence pairs that score, for each entity, every target word.

Both read source and target in one sequence. The marker scorer (after arXiv:2101.11112) reads the pair once for each
entity, which stands between markers, and labels the target words B, I or O. The span query scorer reads it once for
all: each entity is a query that is compared with the target words.
"""

import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from xner_core.alignment.aligner_kinds import MARKER, SPAN_QUERY
from xner_core.alignment.pair_rows import PairBatch
from xner_core.alignment.segments import span_loss


class PairScorer(nn.Module):
    """An encoder and a head; maps a batch of rows to potentials (see `segments`), [entities, words, 3], float32."""

    def __init__(self, encoder: PreTrainedModel | PeftModel, head: "MarkerHead | SpanQueryHead") -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: PairBatch) -> torch.Tensor:
        return self.potentials(self.encoder(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state, batch)

    def potentials(self, states: torch.Tensor, batch: PairBatch) -> torch.Tensor:
        """What the head makes of the encoder's states, [rows, tokens, hidden]."""
        states = states.float()
        sums = nn.functional.pad(states.cumsum(dim=1), (0, 0, 1, 0))
        words = _means(sums, torch.arange(len(states), device=states.device)[:, None], batch.word_tokens)
        return self.head(states, sums, words, batch)

    def loss(self, batch: PairBatch, first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """The loss of each entity, [entities], where its span goes from word `first` to word `last` (-1: none)."""
        return self.head.loss(self(batch), batch.word_mask[batch.entity_row], first, last)


def _means(sums: torch.Tensor, rows: torch.Tensor, ranges: torch.Tensor) -> torch.Tensor:
    """Means over half-open token ranges, given running sums; zeros for an empty one."""
    start, end = ranges.unbind(dim=-1)
    return (sums[rows, end] - sums[rows, start]) / (end - start).clamp_min(1)[..., None]


class MarkerHead(nn.Module):
    """Labels words O, B or I; a span's potentials are the differences of its labels' logits to those of O."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.classify = nn.Linear(hidden, 3)

    def forward(self, states: torch.Tensor, sums: torch.Tensor, words: torch.Tensor, batch: PairBatch) -> torch.Tensor:
        outside, begin, inside = self.classify(words)[batch.entity_row].unbind(dim=2)
        # The first word is inside the span as well.
        return torch.stack([begin - inside, inside - outside, torch.zeros_like(inside)], dim=2)

    def loss(
        self, potentials: torch.Tensor, words: torch.Tensor, first: torch.Tensor, last: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy of the words' labels, summed over the words of each entity's target text."""
        begin = potentials[..., 0] + potentials[..., 1]
        logits = torch.stack([torch.zeros_like(begin), begin, potentials[..., 1]], dim=2)
        place = torch.arange(words.shape[1], device=words.device)
        inside = (first[:, None] >= 0) & (place >= first[:, None]) & (place <= last[:, None])
        labels = inside * 2 - (inside & (place == first[:, None])).long()
        losses = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        return (losses.view_as(labels) * words).sum(dim=1)


class SpanQueryHead(nn.Module):
    """Compares entities with words: a scaled product of their vectors for each potential.

    An entity's vector is made of the mean, the first and the last of its tokens' states, a word's of its mean. At the
    start they are the states themselves, without their sequence's mean, for these are alike in translations already.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.query = nn.Linear(3 * hidden, 3 * hidden)
        self.key = nn.Linear(hidden, 3 * hidden)
        self.bias = nn.Linear(hidden, 3)
        self.none = nn.Sequential(nn.Linear(3 * hidden, hidden), nn.GELU(), nn.Linear(hidden, 1))
        self.scale = nn.Parameter(torch.full((3,), 5.0))
        with torch.no_grad():
            same = torch.eye(hidden)
            self.key.weight.copy_(same.repeat(3, 1))
            self.query.weight.copy_(torch.cat([same, 0 * same, 0 * same], dim=1).repeat(3, 1))
            for layer in (self.query, self.key, self.bias):
                layer.bias.zero_()

    def forward(self, states: torch.Tensor, sums: torch.Tensor, words: torch.Tensor, batch: PairBatch) -> torch.Tensor:
        row = batch.entity_row
        tokens = batch.mask.sum(dim=1)
        middle = sums[torch.arange(len(states), device=states.device), tokens] / tokens[:, None]
        start, end = batch.entity_tokens.unbind(dim=1)
        last = (end - 1).clamp_min(0)
        parts = [_means(sums, row, batch.entity_tokens), states[row, start], states[row, last]]
        entity = torch.cat([part - middle[row] for part in parts], dim=1)
        entities, count = len(row), words.shape[1]
        queries = nn.functional.normalize(self.query(entity).view(entities, 3, -1).float(), dim=2)
        keys = nn.functional.normalize(self.key(words - middle[:, None]).view(len(states), count, 3, -1).float(), dim=3)
        alike = torch.einsum("ekd,ewkd->ewk", queries, keys[row]) * self.scale
        potentials = alike + self.bias(words)[row]
        # "There is none" has the score 0: what speaks for it is taken from every span's start.
        return potentials - nn.functional.pad(self.none(entity)[:, None], (0, 2)).float()

    def loss(
        self, potentials: torch.Tensor, words: torch.Tensor, first: torch.Tensor, last: torch.Tensor
    ) -> torch.Tensor:
        """Negative log-likelihood of each entity's span among all spans and none."""
        return span_loss(potentials, words, first, last)


HEADS = {MARKER: MarkerHead, SPAN_QUERY: SpanQueryHead}
