"""The training-free aligner: candidate spans scored by the similarity of hidden states.

Both texts are encoded by themselves. Cosine similarities of their words, in a middle layer and with each text's mean
taken out, become link probabilities by a softmax over target words (forward) and one over source words (backward).
For a source span and a candidate span of target words, each direction has a recall and a precision: how much of the
probability that belongs to the one lies in the other. A candidate's score is their weighted harmonic mean.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from xner_core.alignment.assignment import assign
from xner_core.alignment.candidates import Candidates, EntityLinks, best_candidates
from xner_core.alignment.preparation import PreparedQueries, StagedAligner, answer, prepare, span_rules
from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.alignment.recipe import AlignerRecipe
from xner_core.alignment.word_encoder import WordEncoder
from xner_core.models.batching import run_batches
from xner_core.models.model_settings import FLOAT32, Arithmetic

# Pairs whose word states are held at once, in one layer.
_PAIRS_AT_ONCE = 512
# Elements of a batch of similarity matrices.
_MATRIX_ELEMENTS = 1 << 20
# Pseudo-words of weight zero in a text's mean, so that of a very short text something is left when it is taken out.
_MEAN_SHRINKAGE = 4.0


class SimilarityAligner(StagedAligner):
    """Aligns by hidden-state similarity; an `Aligner`."""

    def __init__(
        self,
        recipe: AlignerRecipe,
        device: str = "cpu",
        batch_tokens: int | None = None,
        arithmetic: Arithmetic = FLOAT32,
    ) -> None:
        super().__init__()
        self._recipe = recipe
        self._encoder = WordEncoder(recipe.encoder, device, batch_tokens, recipe.layer, arithmetic)
        self._encoder.keep_lower_layers()

    def prepare(self, queries: Sequence[AlignmentQuery]) -> PreparedQueries:
        return prepare(self._encoder, queries)

    def compute(self, prepared: PreparedQueries) -> list[EntityLinks]:
        return compute(self._encoder, prepared, [self._encoder.layer], [self._recipe.temperature])[0]

    def finish(self, prepared: PreparedQueries, computed: list[EntityLinks]) -> list[list[Alignment]]:
        found = choose(prepared, computed)
        confidence = self._recipe.calibration(found.score, found.support)
        return answer(prepared, found, confidence, confidence < self._recipe.min_confidence)


class StatesOfWords(Protocol):
    """Gives the hidden states of words, [words, hidden size], for each layer: `WordEncoder`, or what remembers its."""

    def states(self, inputs: Sequence[Any], layers: Sequence[int]) -> Sequence[torch.Tensor]: ...


@torch.inference_mode()
def compute(
    encoder: StatesOfWords, prepared: PreparedQueries, layers: Sequence[int], temperatures: Sequence[float]
) -> list[list[EntityLinks]]:
    """The link probabilities of all entities, in batches, for each combination of layer and temperature in order."""
    lengths = np.array([len(text.kinds) for text in prepared.texts], dtype=np.int64)
    queries = np.unique(prepared.entity_query)
    size = lengths[prepared.sources[queries]] + lengths[prepared.targets[queries]]
    queries = queries[np.argsort(size, kind="stable")]
    results: list[list[EntityLinks]] = [[] for _ in range(len(layers) * len(temperatures))]

    def compare(group: np.ndarray) -> None:
        """The links of some pairs, whose word states are held at once."""
        used = np.unique(np.concatenate([prepared.sources[group], prepared.targets[group]]))
        before = np.zeros(len(lengths), dtype=np.int64)
        before[used] = np.cumsum(lengths[used]) - lengths[used]
        states = encoder.states([prepared.texts[i].tokens for i in used], layers)
        states = [_directions(layer, lengths[used]) for layer in states]
        found: list[list[EntityLinks]] = [[] for _ in results]

        def link(batch: np.ndarray) -> None:
            chosen = group[batch]
            entities = np.flatnonzero(np.isin(prepared.entity_query, chosen))
            links = [_links(a, b, before, lengths, prepared, chosen, entities) for a in states for b in temperatures]
            for place, masses in enumerate(links):
                found[place].append(EntityLinks(entities, *masses))

        run_batches(_matrix_batches(lengths[prepared.sources[group]], lengths[prepared.targets[group]]), link)
        for place, batches in enumerate(found):
            results[place].extend(batches)

    step = max(1, _PAIRS_AT_ONCE // len(layers))
    run_batches((queries[begin : begin + step] for begin in range(0, len(queries), step)), compare)
    return results


def _directions(states: torch.Tensor, lengths: np.ndarray) -> torch.Tensor:
    """Unit vectors of words, their text's mean taken out; a row of zeros, for padding, is added at the end."""
    sizes = torch.from_numpy(lengths).to(states.device)
    owner = torch.repeat_interleave(torch.arange(len(lengths), device=states.device), sizes)
    sums = torch.zeros(len(lengths), states.shape[1], device=states.device).index_add_(0, owner, states)
    centred = states - (sums / (sizes[:, None] + _MEAN_SHRINKAGE))[owner]
    return torch.nn.functional.pad(torch.nn.functional.normalize(centred, dim=1), (0, 0, 0, 1))


def _matrix_batches(sources: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
    """Neighbouring pairs in batches whose padded similarity matrices stay under a limit, or one pair."""
    batches, start = [], 0
    while start < len(sources):
        area = np.maximum.accumulate(sources[start:]) * np.maximum.accumulate(targets[start:])
        fits = area * np.arange(1, len(area) + 1) <= _MATRIX_ELEMENTS
        size = max(1, int(fits.argmin()) if not fits.all() else len(area))
        batches.append(np.arange(start, start + size))
        start += size
    return batches


def _links(
    states: torch.Tensor,
    temperature: float,
    before: np.ndarray,
    lengths: np.ndarray,
    prepared: PreparedQueries,
    queries: np.ndarray,
    entities: np.ndarray,
) -> list[np.ndarray]:
    """Link masses of the entities of some queries to target words, four times [entities, longest target]."""
    device = states.device

    def words_of(texts: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        place = np.arange(lengths[texts].max())
        mask = place < lengths[texts][:, None]
        rows = np.where(mask, before[texts][:, None] + place, len(states) - 1)
        return states[torch.from_numpy(rows).to(device)], torch.from_numpy(mask).to(device)

    source, source_mask = words_of(prepared.sources[queries])
    target, target_mask = words_of(prepared.targets[queries])
    similarity = source @ target.transpose(1, 2)
    both = source_mask[:, :, None] & target_mask[:, None, :]
    scaled = (similarity / temperature).masked_fill(~both, -1e4)
    # Padding rows and columns are uniform after the softmax, and must weigh nothing.
    forward = scaled.softmax(dim=2) * both
    backward = scaled.softmax(dim=1) * both

    row = np.searchsorted(np.sort(queries), prepared.entity_query[entities])
    row = np.argsort(queries, kind="stable")[row]
    first = prepared.entity_words[entities]
    place = np.arange(source.shape[1])
    members = torch.from_numpy(((place >= first[:, :1]) & (place < first[:, 1:])).astype(np.float32)).to(device)
    # One matrix product for each pair, over all its entities.
    slot = np.arange(len(row)) - np.searchsorted(prepared.entity_query[entities], prepared.entity_query[entities])
    stacked = torch.zeros(len(queries), int(slot.max()) + 1, source.shape[1], device=device)
    rows, slots = torch.from_numpy(row).to(device), torch.from_numpy(slot).to(device)
    stacked[rows, slots] = members
    masses = [
        (stacked @ forward)[rows, slots],
        (stacked @ backward)[rows, slots],
        (stacked @ (backward * similarity))[rows, slots],
        forward.sum(dim=1)[rows],
    ]
    return [mass.cpu().numpy() for mass in masses]


def choose(prepared: PreparedQueries, links: Sequence[EntityLinks]) -> Candidates:
    """The spans chosen for all entities that can be aligned; start -1 where none is left."""
    chosen = Candidates.empty(len(prepared.entity_query))
    for batch in links:
        entities = batch.entities
        candidates = best_candidates(batch, span_rules(prepared, entities, batch.forward.shape[1]))
        picked = assign(candidates, prepared.entity_query[entities], prepared.entity_spans[entities])
        chosen.put(entities, candidates.take(picked))
    return chosen
