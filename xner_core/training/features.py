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

# A target holds a subset of the types as bits.
_MOST_TYPES = 48


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
        features = []
        for text, tokenised in zip(texts, self._tokenise([text.text for text in texts]), strict=True):
            unit_targets = self._unit_targets(text, [Span(*unit) for unit in tokenised.units.tolist()])
            windows = []
            for window in tokenised.windows:
                targets = np.full(len(window.ids), IGNORED, dtype=np.int64)
                targets[window.positions] = unit_targets[window.units]
                windows.append(Features(input_ids=window.ids, targets=targets))
            features.append(windows)
        return features

    def _unit_targets(self, text: AnnotatedText, units: Sequence[Span]) -> np.ndarray:
        targets = np.full(len(units), self._scheme.outside(text.missed), dtype=np.int64)
        for entity in sorted(text.entities):
            covered = [i for i, unit in enumerate(units) if _mostly_inside(unit, entity.span)]
            for position, i in enumerate(covered):
                known = entity.type in self._scheme.types
                targets[i] = self._scheme.entity(entity.type, position == 0) if known else IGNORED
        for span in text.masked:
            for i, unit in enumerate(units):
                if unit.overlaps(span):
                    targets[i] = IGNORED
        return targets


def _mostly_inside(unit: Span, span: Span) -> bool:
    """Whether at least half of a unit lies in a span: one token can hold several Chinese words."""
    shared = min(unit.end, span.end) - max(unit.start, span.start)
    return shared > 0 and 2 * shared >= unit.end - unit.start


def collate(features: Sequence[Features], padding: int) -> dict[str, torch.Tensor]:
    """A batch for a token classifier: `input_ids`, `attention_mask` and `labels` (the targets), [features, longest]."""
    ids, mask = pad([feature["input_ids"] for feature in features], padding)
    targets, _ = pad([feature["targets"] for feature in features], IGNORED)
    return {"input_ids": ids, "attention_mask": mask, "labels": targets}
