"""The training-free aligner: candidate spans scored by the similarity of hidden states.

Both texts are encoded by themselves. Cosine similarities of their words, in a middle layer and with each text's mean
taken out, become link probabilities by a softmax over target words (forward) and one over source words (backward).
For a source span and a candidate span of target words, each direction has a recall and a precision: how much of the
probability that belongs to the one lies in the other. A candidate's score is their weighted harmonic mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
import torch

from xner_core.alignment.assignment import assign
from xner_core.alignment.boundaries import KINDS, edge_kinds, forbidden_kinds, word_kind
from xner_core.alignment.candidates import Candidates, EntityLinks, SpanRules, best_candidates
from xner_core.alignment.encoding import EncoderInput, WordEncoder
from xner_core.alignment.query import (
    BAD_SPAN,
    EMPTY_TEXT,
    NO_COUNTERPART,
    NO_FREE_SPAN,
    TEXT_TOO_LONG,
    Alignment,
    AlignmentQuery,
)
from xner_core.alignment.recipe import AlignerRecipe
from xner_core.spans import Span

# Words of a text; similarity matrices grow with its square.
MAX_WORDS = 4096
# Pairs whose word states are held at once, in one layer.
_PAIRS_AT_ONCE = 512
# Elements of a batch of similarity matrices.
_MATRIX_ELEMENTS = 1 << 20
# Pseudo-words of weight zero in a text's mean, so that of a very short text something is left when it is taken out.
_MEAN_SHRINKAGE = 4.0


@dataclass(frozen=True, slots=True)
class TextInput:
    """A text as the encoder reads it, and what the span rules need to know of its words.

    Attributes:
        encoder: words and token windows
        kinds: kind of each word, [words]
        forms: equal numbers for equal words, [words]
    """

    encoder: EncoderInput
    kinds: np.ndarray
    forms: np.ndarray


@dataclass(frozen=True, slots=True)
class PreparedQueries:
    """Tokenised queries.

    Attributes:
        texts: the different texts
        sources: for each query, its source text's index
        targets: for each query, its target text's index
        entity_query: for each entity that can be aligned its query, ascending, [entities]
        entity_place: its place among the query's source spans, [entities]
        entity_words: its half-open range of source words, [entities, 2]
        entity_spans: its source span in characters, [entities, 2]
        edge_kinds: kinds of words that its counterpart may begin and end with, [entities, kinds]
        forbidden_kinds: kinds of words that its counterpart may not hold, [entities, kinds]
        answers: for each query what is already known of its entities; None where an entity is to be aligned
    """

    texts: list[TextInput]
    sources: np.ndarray
    targets: np.ndarray
    entity_query: np.ndarray
    entity_place: np.ndarray
    entity_words: np.ndarray
    entity_spans: np.ndarray
    edge_kinds: np.ndarray
    forbidden_kinds: np.ndarray
    answers: list[list[Alignment | None]]


class SimilarityAligner:
    """Aligns by hidden-state similarity; an `Aligner`.

    Several threads may call `align`: one computes at a time, while others tokenise and decode.
    """

    def __init__(self, recipe: AlignerRecipe, device: str = "cpu", batch_tokens: int = 4096):
        self._recipe = recipe
        self._encoder = WordEncoder(recipe.encoder, device, batch_tokens, recipe.layer)
        self._encoder.keep_lower_layers()
        self._computing = Lock()

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        prepared = self.prepare(queries)
        with self._computing:
            computed = self.compute(prepared)
        return self.finish(prepared, computed)

    def prepare(self, queries: Sequence[AlignmentQuery]) -> PreparedQueries:
        return prepare(self._encoder, queries)

    def compute(self, prepared: PreparedQueries) -> list[EntityLinks]:
        return compute(self._encoder, prepared, [self._encoder.layer], [self._recipe.temperature])[0]

    def finish(self, prepared: PreparedQueries, computed: list[EntityLinks]) -> list[list[Alignment]]:
        found = choose(prepared, computed)
        confidence = self._recipe.calibration(found.score, found.similarity)
        return answer(prepared, found, confidence, self._recipe.min_confidence)


class Tokeniser(Protocol):
    """Finds the words of texts, and of an encoder the tokens."""

    def tokenise(self, texts: Sequence[str]) -> list[EncoderInput]: ...


def prepare(encoder: Tokeniser, queries: Sequence[AlignmentQuery]) -> PreparedQueries:
    """Tokenises both sides of queries, each text once, and finds out which entities can be aligned."""
    index: dict[str, int] = {}
    for query in queries:
        if query.source_spans:
            index.setdefault(query.source_text, len(index))
            index.setdefault(query.target_text, len(index))
    forms: dict[str, int] = {}
    tokenised = encoder.tokenise(list(index))
    texts = [_text_input(text, found, forms) for text, found in zip(index, tokenised, strict=True)]
    answers: list[list[Alignment | None]] = []
    entities, edges, forbidden = [], [], []
    for number, query in enumerate(queries):
        reason = None
        if query.source_spans:
            source, target = texts[index[query.source_text]], texts[index[query.target_text]]
            if not len(source.kinds) or not len(target.kinds):
                reason = EMPTY_TEXT
            elif max(len(source.kinds), len(target.kinds)) > MAX_WORDS:
                reason = TEXT_TOO_LONG
        row: list[Alignment | None] = []
        for place, (start, end) in enumerate(query.source_spans):
            if reason is None and 0 <= start < end <= len(query.source_text):
                spans = source.encoder.words
                first = int(np.searchsorted(spans[:, 1], start, side="right"))
                last = int(np.searchsorted(spans[:, 0], end, side="left"))
                if first < last:
                    entities.append((number, place, first, last, start, end))
                    edges.append(edge_kinds(query.source_text[start:end]))
                    forbidden.append(forbidden_kinds(source.kinds[first:last].tolist()))
                    row.append(None)
                    continue
            row.append(Alignment(None, 0.0, reason or BAD_SPAN))
        answers.append(row)
    table = np.array(entities, dtype=np.int64).reshape(-1, 6)
    return PreparedQueries(
        texts=texts,
        sources=np.array([index.get(query.source_text, -1) for query in queries], dtype=np.int64),
        targets=np.array([index.get(query.target_text, -1) for query in queries], dtype=np.int64),
        entity_query=table[:, 0],
        entity_place=table[:, 1],
        entity_words=table[:, 2:4],
        entity_spans=table[:, 4:6],
        edge_kinds=np.array(edges, dtype=bool).reshape(-1, KINDS),
        forbidden_kinds=np.array(forbidden, dtype=bool).reshape(-1, KINDS),
        answers=answers,
    )


def _text_input(text: str, tokenised: EncoderInput, forms: dict[str, int]) -> TextInput:
    found = [text[start:end] for start, end in tokenised.words.tolist()]
    return TextInput(
        tokenised,
        kinds=np.array([word_kind(word) for word in found], dtype=np.int64),
        forms=np.array([forms.setdefault(word.casefold(), len(forms)) for word in found], dtype=np.int64),
    )


@torch.inference_mode()
def compute(
    encoder: WordEncoder, prepared: PreparedQueries, layers: Sequence[int], temperatures: Sequence[float]
) -> list[list[EntityLinks]]:
    """The link probabilities of all entities, in batches, for each combination of layer and temperature in order."""
    lengths = np.array([len(text.kinds) for text in prepared.texts], dtype=np.int64)
    queries = np.unique(prepared.entity_query)
    size = lengths[prepared.sources[queries]] + lengths[prepared.targets[queries]]
    queries = queries[np.argsort(size, kind="stable")]
    results: list[list[EntityLinks]] = [[] for _ in range(len(layers) * len(temperatures))]
    step = max(1, _PAIRS_AT_ONCE // len(layers))
    for begin in range(0, len(queries), step):
        group = queries[begin : begin + step]
        used = np.unique(np.concatenate([prepared.sources[group], prepared.targets[group]]))
        before = np.zeros(len(lengths), dtype=np.int64)
        before[used] = np.cumsum(lengths[used]) - lengths[used]
        states = encoder.states([prepared.texts[i].encoder for i in used], layers)
        states = [_directions(layer, lengths[used]) for layer in states]
        for batch in _matrix_batches(lengths[prepared.sources[group]], lengths[prepared.targets[group]]):
            chosen = group[batch]
            entities = np.flatnonzero(np.isin(prepared.entity_query, chosen))
            for place, (layer, temperature) in enumerate((a, b) for a in states for b in temperatures):
                links = _links(layer, temperature, before, lengths, prepared, chosen, entities)
                results[place].append(EntityLinks(entities, *links))
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
        candidates = best_candidates(batch, _rules(prepared, entities, batch.forward.shape[1]))
        picked = assign(candidates, prepared.entity_query[entities], prepared.entity_spans[entities])
        chosen.put(entities, candidates.take(picked))
    return chosen


def _rules(prepared: PreparedQueries, entities: np.ndarray, width: int) -> SpanRules:
    """What the span rules say of each target word of each entity, [entities, width]."""
    queries = prepared.entity_query[entities]
    texts = prepared.targets[queries]
    words = prepared.entity_words[entities]
    different, text_rows = np.unique(texts, return_inverse=True)
    kinds = np.zeros((len(different), width), dtype=np.int64)
    forms = np.full((len(different), width), -1, dtype=np.int64)
    lengths = np.array([len(prepared.texts[text].kinds) for text in different], dtype=np.int64)
    for row, text in enumerate(different):
        kinds[row, : lengths[row]] = prepared.texts[text].kinds
        forms[row, : lengths[row]] = prepared.texts[text].forms
    kinds, forms, lengths = kinds[text_rows], forms[text_rows], lengths[text_rows]
    sources = [prepared.texts[text].forms for text in prepared.sources[queries]]
    first = np.array([source[word] for source, word in zip(sources, words[:, 0], strict=True)])
    last = np.array([source[word - 1] for source, word in zip(sources, words[:, 1], strict=True)])
    inside = np.arange(width) < lengths[:, None]
    edge = np.take_along_axis(prepared.edge_kinds[entities], kinds, axis=1)
    return SpanRules(
        may_begin=inside & (edge | (forms == first[:, None])),
        may_end=inside & (edge | (forms == last[:, None])),
        forbidden=~inside | np.take_along_axis(prepared.forbidden_kinds[entities], kinds, axis=1),
        source_words=words[:, 1] - words[:, 0],
    )


def answer(
    prepared: PreparedQueries, found: Candidates, confidence: np.ndarray, min_confidence: float
) -> list[list[Alignment]]:
    """The answers to queries: the chosen spans of their entities, or why there is none.

    Args:
        prepared: the queries
        found: the span chosen for each entity, [entities]
        confidence: of each span, [entities]
        min_confidence: below it an entity counts as not there
    """
    answers = [list(known) for known in prepared.answers]
    for entity, (query, place) in enumerate(zip(prepared.entity_query, prepared.entity_place, strict=True)):
        if found.start[entity] < 0:
            alignment = Alignment(None, 0.0, NO_FREE_SPAN)
        elif confidence[entity] < min_confidence:
            alignment = Alignment(None, float(confidence[entity]), NO_COUNTERPART)
        else:
            spans = prepared.texts[prepared.targets[query]].encoder.words
            target = Span(int(spans[found.start[entity], 0]), int(spans[found.end[entity] - 1, 1]))
            alignment = Alignment(target, float(confidence[entity]))
        answers[query][place] = alignment
    return answers
