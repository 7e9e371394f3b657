"""Weak signals that need models: hidden-state similarity over several layers and both directions, and the tagger."""

from collections.abc import Sequence

import torch

from xner_core.alignment.preparation import prepare
from xner_core.alignment.query import AlignmentQuery
from xner_core.alignment.recipe import AlignerRecipe
from xner_core.alignment.similarity import choose, compute
from xner_core.alignment.word_encoder import EncoderInput, WordEncoder
from xner_core.text.spans import Entity, Span

# Tokens, padding included, that a model reads at once; on a CPU larger batches are slower.
BATCH_TOKENS = 1024


class _Remembering:
    """A `WordEncoder` that tokenises and encodes each text once."""

    def __init__(self, encoder: WordEncoder) -> None:
        self._encoder = encoder
        self._inputs: dict[str, EncoderInput] = {}
        self._states: dict[tuple[int, int], torch.Tensor] = {}

    def tokenise(self, texts: Sequence[str]) -> list[EncoderInput]:
        new = [text for text in texts if text not in self._inputs]
        self._inputs.update(zip(new, self._encoder.tokenise(new), strict=True))
        return [self._inputs[text] for text in texts]

    def states(self, inputs: Sequence[EncoderInput], layers: Sequence[int]) -> list[torch.Tensor]:
        new = [text for text in inputs if any((id(text), layer) not in self._states for layer in layers)]
        if new:
            sizes = [len(text.words) for text in new]
            for layer, states in zip(layers, self._encoder.states(new, layers), strict=True):
                self._states.update(
                    ((id(text), layer), part) for text, part in zip(new, states.split(sizes), strict=True)
                )
        return [torch.cat([self._states[id(text), layer] for text in inputs]) for layer in layers]


class SimilarityVoter:
    """The training-free aligner at neighbouring layers, and back from the span that the middle one found."""

    def __init__(self, encoder: str, device: str) -> None:
        self._encoder = WordEncoder(encoder, device, BATCH_TOKENS)
        self._temperature = AlignerRecipe(encoder).temperature
        middle = self._encoder.layer
        self._layers = [layer for layer in (middle - 1, middle, middle + 1) if 1 <= layer <= self._encoder.layers]
        self._middle = self._layers.index(middle)
        # Those above are not needed.
        self._encoder.layer = self._layers[-1]
        self._encoder.keep_lower_layers()

    @property
    def signals(self) -> list[str]:
        """The names of the layers' signals."""
        return [f"similarity-{layer}" for layer in self._layers]

    @property
    def middle(self) -> str:
        """The signal of the aligner's own layer."""
        return self.signals[self._middle]

    def vote(self, queries: Sequence[AlignmentQuery]) -> tuple[list[list[list[Span | None]]], list[list[bool]]]:
        """For each layer, query and name its span; and for each query and name whether its span leads back to it."""
        encoder = _Remembering(self._encoder)
        found = self._align(encoder, queries, range(len(self._layers)))
        asked = [[place for place, span in enumerate(spans) if span is not None] for spans in found[self._middle]]
        returns = [
            AlignmentQuery(query.target_text, query.source_text, tuple(span for span in spans if span is not None))
            for query, spans in zip(queries, found[self._middle], strict=True)
        ]
        agrees = [[False] * len(query.source_spans) for query in queries]
        returned = self._align(encoder, returns, [self._middle])[0]
        for row, query, places, spans in zip(agrees, queries, asked, returned, strict=True):
            for place, span in zip(places, spans, strict=True):
                row[place] = span == query.source_spans[place]
        return found, agrees

    def _align(
        self, encoder: _Remembering, queries: Sequence[AlignmentQuery], places: Sequence[int]
    ) -> list[list[list[Span | None]]]:
        prepared = prepare(encoder, queries)
        layers = [self._layers[place] for place in places]
        results = []
        for links in compute(encoder, prepared, layers, [self._temperature]):
            chosen = choose(prepared, links)
            spans: list[list[Span | None]] = [[None] * len(query.source_spans) for query in queries]
            for entity, (query, place) in enumerate(zip(prepared.entity_query, prepared.entity_place, strict=True)):
                spans[query][place] = prepared.target_span(chosen, entity)
            results.append(spans)
        return results


def find_mentions(
    types: Sequence[str | None], near: Sequence[Span | None], mentions: Sequence[Entity]
) -> list[Span | None]:
    """For each name of a pair, the tagger's mention of the same type that overlaps its span, and no other name's.

    Args:
        types: of the names
        near: where similarity finds them in the target text
        mentions: what the tagger finds there
    """
    found: list[Span | None] = []
    for place, (type_, span) in enumerate(zip(types, near, strict=True)):
        others = [other for number, other in enumerate(near) if number != place and other is not None]
        fitting = [
            mention.span
            for mention in mentions
            if type_ is not None
            and span is not None
            and mention.type == type_
            and mention.span.overlaps(span)
            and not any(mention.span.overlaps(other) for other in others)
        ]
        found.append(fitting[0] if len(fitting) == 1 else None)
    return found
