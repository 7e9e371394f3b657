"""What is known of the entities of many texts, as columns, and counts of it."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from xner_core.text.spans import Entity, Span
from xner_core.training.features import AnnotatedText


@dataclass(frozen=True)
class TypedSpans:
    """Typed spans in the texts of a batch, in the order of the texts.

    Attributes:
        texts: of each, the index of its text, [spans]
        starts: [spans]
        ends: [spans]
        types: indices of their types, [spans]
        scores: how sure they are, float64, [spans]
    """

    texts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    types: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def concatenated(cls, parts: Sequence["TypedSpans"]) -> "TypedSpans":
        """Several, one after the other."""
        return cls(*map(np.concatenate, zip(*(part._columns for part in parts), strict=True)))

    def __getitem__(self, places: np.ndarray) -> "TypedSpans":
        """Those at some places, or where a mask is true."""
        return TypedSpans(*(column[places] for column in self._columns))

    @property
    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.texts, self.starts, self.ends, self.types, self.scores


@dataclass(frozen=True)
class Annotations:
    """The texts of a batch and what is known of their entities; iterated, one `AnnotatedText` after the other.

    Attributes:
        texts: the raw texts
        types: names of the types
        entities: those that are known, in the order of their spans
        masked: spans of which nothing is known, the surest first
        missed: the index of a text and of a type that its tokens outside the entities may have all the same, [., 2]
    """

    texts: Sequence[str]
    types: Sequence[str]
    entities: TypedSpans
    masked: TypedSpans
    missed: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[AnnotatedText]:
        places = np.arange(len(self.texts) + 1)
        bounds = [
            np.searchsorted(texts, places).tolist()
            for texts in (self.entities.texts, self.masked.texts, self.missed[:, 0])
        ]
        found, masked = self.entities, self.masked
        entities = [
            Entity(Span(start, end), self.types[type_], min(1.0, score))
            for start, end, type_, score in zip(
                found.starts.tolist(), found.ends.tolist(), found.types.tolist(), found.scores.tolist(), strict=True
            )
        ]
        spans = [Span(*span) for span in zip(masked.starts.tolist(), masked.ends.tolist(), strict=True)]
        missed = [self.types[type_] for type_ in self.missed[:, 1].tolist()]
        for number, text in enumerate(self.texts):
            own = (slice(each[number], each[number + 1]) for each in bounds)
            yield AnnotatedText(text, entities[next(own)], spans[next(own)], frozenset(missed[next(own)]))


@dataclass
class LabelCounts:
    """What training data hold.

    Attributes:
        sentences: target texts
        entities: trusted entities by type
        masked: spans of projected entities and of other names that are not trusted
        open: texts in which a projection failed, by the type that tokens outside their entities may then have
    """

    sentences: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    masked: int = 0
    open: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, texts: Annotations) -> "LabelCounts":
        """The counts of a batch."""

        def by_type(indices: np.ndarray) -> Counter[str]:
            counts = np.bincount(indices, minlength=len(texts.types)).tolist()
            return Counter({type_: count for type_, count in zip(texts.types, counts, strict=True) if count})

        return cls(len(texts), by_type(texts.entities.types), len(texts.masked), by_type(texts.missed[:, 1]))

    def add(self, other: "LabelCounts") -> None:
        """Counts some texts as well."""
        self.sentences += other.sentences
        self.entities.update(other.entities)
        self.masked += other.masked
        self.open.update(other.open)

    @property
    def types(self) -> Collection[str]:
        return self.entities.keys() | self.open.keys()
