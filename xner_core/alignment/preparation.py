"""What aligners do before they score candidate spans, and after: find entities in words, apply span rules, answer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Any, Protocol, cast

import numpy as np

from xner_core.alignment.boundaries import KINDS, edge_kinds, forbidden_kinds, is_cased_name, word_kind
from xner_core.alignment.candidates import Candidates, SpanRules
from xner_core.alignment.query import (
    BAD_SPAN,
    DERIVED_WORD,
    EMPTY_TEXT,
    NO_COUNTERPART,
    NO_FREE_SPAN,
    TEXT_TOO_LONG,
    Alignment,
    AlignmentQuery,
)
from xner_core.models.text_reading import before
from xner_core.text.normal_form import folded
from xner_core.text.spans import Span
from xner_core.text.words import is_lower_case

# Words of a text; similarity matrices grow with its square.
MAX_WORDS = 4096


class StagedAligner(ABC):
    """Runs the three steps of an aligner one after the other; several threads may, for one computes at a time."""

    def __init__(self) -> None:
        self._computing = Lock()

    @abstractmethod
    def prepare(self, queries: Sequence[AlignmentQuery]) -> Any:
        """What is done on the host before."""

    @abstractmethod
    def compute(self, prepared: Any) -> Any:
        """What is done on the device."""

    @abstractmethod
    def finish(self, prepared: Any, computed: Any) -> list[list[Alignment]]:
        """What is done on the host after it."""

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        """The answers to each query's entities, in their order; see `xner_core.alignment.aligner.Aligner`."""
        prepared = self.prepare(queries)
        with self._computing:
            computed = self.compute(prepared)
        return self.finish(prepared, computed)


class TextWords(Protocol):
    """A text's words, half-open offsets in it, [words, 2]; its tokens are the encoder's own business."""

    @property
    def words(self) -> np.ndarray: ...


class Tokeniser(Protocol):
    """Finds the words of texts, and of an encoder the tokens."""

    def tokenise(self, texts: Sequence[str]) -> Sequence[TextWords]: ...


@dataclass(frozen=True, slots=True)
class TextInput:
    """A text as an encoder reads it, and what the span rules need to know of its words.

    Attributes:
        tokens: words and tokens
        kinds: kind of each word, [words]
        forms: equal numbers for equal words, [words]
        lower: which words have small letters alone, [words]
    """

    tokens: TextWords
    kinds: np.ndarray
    forms: np.ndarray
    lower: np.ndarray


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
        cased_names: which of them no single lower-case word is a counterpart of, [entities]
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
    cased_names: np.ndarray
    edge_kinds: np.ndarray
    forbidden_kinds: np.ndarray
    answers: list[list[Alignment | None]]

    def target_span(self, chosen: Candidates, entity: int) -> Span | None:
        """The characters of the span that was chosen for an entity, None if no span was left."""
        if chosen.start[entity] < 0:
            return None
        words = self.texts[self.targets[self.entity_query[entity]]].tokens.words
        return Span(int(words[chosen.start[entity], 0]), int(words[chosen.end[entity] - 1, 1]))


def word_range(words: np.ndarray, span: Span) -> tuple[int, int]:
    """The half-open range of the words, [words, 2], that a span overlaps; empty or reversed if there is none."""
    first = np.searchsorted(words[:, 1], span.start, side="right")
    return int(first), int(np.searchsorted(words[:, 0], span.end, side="left"))


def prepare(encoder: Tokeniser, queries: Sequence[AlignmentQuery]) -> PreparedQueries:
    """Tokenises both sides of queries, each text once, and finds out which entities can be aligned."""
    index: dict[str, int] = {}
    for query in queries:
        if query.source_spans:
            index.setdefault(query.source_text, len(index))
            index.setdefault(query.target_text, len(index))
    texts = _text_inputs(list(index), encoder.tokenise(list(index)))
    answers: list[list[Alignment | None]] = []
    entities, cased, edges, forbidden = [], [], [], []
    for number, query in enumerate(queries):
        reason = None
        source = target = None
        if query.source_spans:
            source, target = texts[index[query.source_text]], texts[index[query.target_text]]
            if not len(source.kinds) or not len(target.kinds):
                reason = EMPTY_TEXT
            elif max(len(source.kinds), len(target.kinds)) > MAX_WORDS:
                reason = TEXT_TOO_LONG
        row: list[Alignment | None] = []
        for place, (start, end) in enumerate(query.source_spans):
            if source and reason is None and 0 <= start < end <= len(query.source_text):
                first, last = word_range(source.tokens.words, Span(start, end))
                if first < last:
                    entities.append((number, place, first, last, start, end))
                    type_ = query.source_types[place] if query.source_types else None
                    cased.append(is_cased_name(query.source_text[start:end], type_))
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
        cased_names=np.array(cased, dtype=bool),
        edge_kinds=np.array(edges, dtype=bool).reshape(-1, KINDS),
        forbidden_kinds=np.array(forbidden, dtype=bool).reshape(-1, KINDS),
        answers=answers,
    )


def _text_inputs(texts: Sequence[str], tokenised: Sequence[TextWords]) -> list[TextInput]:
    """What the span rules need to know of the words of texts, of each different word once."""
    numbers: dict[str, int] = {}
    owners: list[int] = []
    for text, found in zip(texts, tokenised, strict=True):
        owners += [numbers.setdefault(text[start:end], len(numbers)) for start, end in found.words.tolist()]
    forms: dict[str, int] = {}
    of_words = np.array(owners, dtype=np.int64)
    form = np.array([forms.setdefault(folded(word), len(forms)) for word in numbers], dtype=np.int64)[of_words]
    kind = np.array([word_kind(word) for word in numbers], dtype=np.int64)[of_words]
    lower = np.array([is_lower_case(word) for word in numbers], dtype=bool)[of_words]
    bounds = pairwise(before(np.array([len(found.words) for found in tokenised], dtype=np.int64)).tolist())
    return [
        TextInput(found, kind[low:high], form[low:high], lower[low:high])
        for found, (low, high) in zip(tokenised, bounds, strict=True)
    ]


def entities_by_query(prepared: PreparedQueries) -> list[np.ndarray]:
    """The entities of each query that has any, [entities] each."""
    if not len(prepared.entity_query):
        return []
    _, first = np.unique(prepared.entity_query, return_index=True)
    return np.split(np.arange(len(prepared.entity_query)), first[1:])


def span_rules(prepared: PreparedQueries, entities: np.ndarray, width: int) -> SpanRules:
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
    prepared: PreparedQueries, found: Candidates, confidence: np.ndarray, absent: np.ndarray
) -> list[list[Alignment]]:
    """The answers to queries: the chosen spans of their entities, or why there is none.

    Args:
        prepared: the queries
        found: the span chosen for each entity, [entities]
        confidence: of each span, [entities]
        absent: which entities count as not there, [entities]
    """
    answers = [list(known) for known in prepared.answers]
    for entity, (query, place) in enumerate(zip(prepared.entity_query, prepared.entity_place, strict=True)):
        text = prepared.texts[prepared.targets[query]]
        first, last = found.start[entity], found.end[entity] - 1
        sure = float(confidence[entity])
        if first < 0:
            alignment = Alignment(None, 0.0, NO_FREE_SPAN)
        elif absent[entity]:
            alignment = Alignment(None, sure, NO_COUNTERPART)
        elif prepared.cased_names[entity] and first == last and text.lower[first]:
            alignment = Alignment(None, sure, DERIVED_WORD)
        else:
            alignment = Alignment(prepared.target_span(found, entity), sure)
        answers[query][place] = alignment
    return cast(list[list[Alignment]], answers)  # By now, all have one.
