"""From annotated texts to what a token classifier is trained on.

A target is a set of labels that the annotation admits. A token of an entity has one label. A token outside all
entities may be O, and also belong to any type that the annotation may have missed in this text: a type that a data set
does not mark, or the type of an entity whose projection failed. A masked token has no target.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import torch

from xner_core.errors import XnerError
from xner_core.models.batching import pad
from xner_core.models.units import Tokeniser
from xner_core.text.spans import Entity, Span
from xner_core.training.losses import IGNORED
from xner_core.training.row_pairs import crossed

# A target holds a subset of the types as bits.
_MOST_TYPES = 48
_NO_SPANS = np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True)
class AnnotatedText:
    """A raw text and what is known of its entities.

    Attributes:
        text: the raw text
        entities: the entities that are known
        masked: spans of which nothing is known
        missed: types that a token outside the entities may have all the same
    """

    text: str
    entities: Sequence[Entity] = ()
    masked: Sequence[Span] = ()
    missed: Collection[str] = field(default_factory=frozenset)


class Features(TypedDict):
    """One window of a text: token ids and targets, both [tokens]."""

    input_ids: np.ndarray
    targets: np.ndarray


class TargetScheme:
    """The labels of a set of types, and the targets: each label, then O with each subset of the types.

    Raises:
        XnerError: more types than a target can hold.
    """

    def __init__(self, types: Iterable[str]) -> None:
        self.types = sorted(types)
        self.labels = ["O"] + [f"{prefix}-{type_}" for type_ in self.types for prefix in "BI"]
        if len(self.types) > _MOST_TYPES:
            raise XnerError(f"{len(self.types)} entity types; at most {_MOST_TYPES} can be learnt at once")

    def admitted(self, targets: torch.Tensor) -> torch.Tensor:
        """The labels that each target admits: bool, of the targets' shape and [labels] after it."""
        labels = torch.arange(len(self.labels), device=targets.device)
        targets = targets[..., None]
        subset = (targets - len(self.labels)).clamp_min(0)
        missed = (subset >> ((labels - 1) // 2).clamp_min(0)) & 1
        return torch.where(targets < len(self.labels), targets == labels, (missed == 1) | (labels == 0))

    def outside(self, missed: Collection[str]) -> int:
        """The target of a token outside all entities where these types may have been missed."""
        bits = sum(1 << bit for bit, type_ in enumerate(self.types) if type_ in missed)
        return len(self.labels) + bits

    def entity(self, type_: str, begins: bool) -> int:
        """The number of the label that begins an entity of a type, or continues it."""
        return 2 * self.types.index(type_) + (1 if begins else 2)

    def labels_of(self, targets: np.ndarray) -> list[str]:
        """The most specific label of each target: a subset of types counts as O."""
        return [self.labels[target] if target < len(self.labels) else "O" for target in targets]


class FeatureEncoder:
    """Turns annotated texts into features; entities of types outside the scheme are masked."""

    def __init__(self, tokenise: Tokeniser, scheme: TargetScheme) -> None:
        self._tokenise = tokenise
        self._scheme = scheme

    def __call__(self, texts: Sequence[AnnotatedText]) -> list[list[Features]]:
        """The windows of each text; only the first token of a unit, a word or a token, has a target."""
        tokenised = self._tokenise([text.text for text in texts])
        targets = self._unit_targets(texts, [text.units for text in tokenised])
        features = []
        for text, of_units in zip(tokenised, targets, strict=True):
            windows = []
            for window in text.windows:
                own = np.full(len(window.ids), IGNORED, dtype=np.int64)
                own[window.positions] = of_units[window.units]
                windows.append(Features(input_ids=window.ids, targets=own))
            features.append(windows)
        return features

    def _unit_targets(self, texts: Sequence[AnnotatedText], units: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The targets of the units of each text."""
        counts = [len(own) for own in units]
        rows = np.repeat(np.arange(len(texts)), counts)
        starts, ends = np.concatenate([_NO_SPANS, *units]).T
        targets = np.array([self._scheme.outside(text.missed) for text in texts], dtype=np.int64)[rows]

        entities = [(row, entity) for row, text in enumerate(texts) for entity in sorted(text.entities)]
        first = np.array([self._first(entity.type) for _, entity in entities], dtype=np.int64)
        entity_rows, entity_starts, entity_ends = _columns((row, entity.span) for row, entity in entities)
        entity, unit = crossed(entity_rows, rows)
        shared = np.minimum(ends[unit], entity_ends[entity]) - np.maximum(starts[unit], entity_starts[entity])
        # At least half of a unit has to lie in the entity: one token can hold several Chinese words.
        inside = (shared > 0) & (2 * shared >= ends[unit] - starts[unit])
        entity, unit = entity[inside], unit[inside]
        continued = np.append(False, entity[1:] == entity[:-1])[: len(entity)]
        targets[unit] = np.where(first[entity] == IGNORED, IGNORED, first[entity] + continued)

        masked_rows, masked_starts, masked_ends = _columns(
            (row, span) for row, text in enumerate(texts) for span in text.masked
        )
        span, unit = crossed(masked_rows, rows)
        targets[unit[(starts[unit] < masked_ends[span]) & (masked_starts[span] < ends[unit])]] = IGNORED
        return np.split(targets, np.cumsum(counts, dtype=np.int64))[:-1]

    def _first(self, type_: str) -> int:
        """The target of an entity's first unit; that of each other one is the next number."""
        return self._scheme.entity(type_, begins=True) if type_ in self._scheme.types else IGNORED


def _columns(spans: Iterable[tuple[int, Span]]) -> np.ndarray:
    """The rows, starts and ends of spans, [3, spans]."""
    return np.array([(row, *span) for row, span in spans], dtype=np.int64).reshape(-1, 3).T


def collate(features: Sequence[Features], padding: int) -> dict[str, torch.Tensor]:
    """A batch for a token classifier: `input_ids`, `attention_mask` and `labels` (the targets), [features, longest]."""
    ids, mask = pad([feature["input_ids"] for feature in features], padding)
    targets, _ = pad([feature["targets"] for feature in features], IGNORED)
    return {"input_ids": ids, "attention_mask": mask, "labels": targets}
