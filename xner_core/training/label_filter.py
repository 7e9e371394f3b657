"""Projected labels as training data: which pairs, and what each pair says about its target text."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from xner_core.errors import XnerError
from xner_core.storage.files import Location, read_table
from xner_core.training.features import AnnotatedText
from xner_core.training.student_settings import AugmentationSettings, TrustSettings
from xner_core.training.text_augmentation import augmented
from xner_core.training.trust import annotate

COLUMNS = ["pair_id", "target_text", "entities", "mentions", "quarantine"]


@dataclass(frozen=True)
class TrainingFile:
    """A label file, and the votes of the corpus on its entities if they are to decide as well."""

    labels: Location
    votes: Location | None = None

    def read(self) -> Iterator[dict[str, Any]]:
        """The label rows, with the votes on them (see `xner_core.labels.consensus.CONSENSUS`).

        Raises:
            XnerError: a file that cannot be read, or votes on other labels.
        """
        labels = read_table(self.labels, COLUMNS)
        if self.votes is None:
            return iter(labels.to_pylist())
        votes = read_table(self.votes)
        if not votes["pair_id"].equals(labels["pair_id"]):
            raise XnerError(f"{self.votes}: not the votes on {self.labels}; make them with xner consensus")
        return (row | vote for row, vote in zip(labels.to_pylist(), votes.to_pylist(), strict=True))


@dataclass(frozen=True)
class LabelFilter:
    """What training takes from labels.

    Attributes:
        trust: which labels are learnt
        held_out: share of the pairs that are kept for scoring; a pair's id decides
        last_pair: the last pair id that is taken, in the order of ids; all pairs without it
        augmentation: how many texts to train on are written in another way; none without it
        seed: of which ones these are
    """

    trust: TrustSettings = field(default_factory=TrustSettings)
    held_out: float = 0.0
    last_pair: str | None = None
    augmentation: AugmentationSettings | None = None
    seed: int = 0

    def training(self, file: TrainingFile) -> Iterator[AnnotatedText]:
        """The target texts to train on."""
        for row in self._rows(file):
            if not self._is_held_out(row["pair_id"]):
                text = annotate(row, self.trust)
                yield augmented(text, self.augmentation, self.seed) if self.augmentation else text

    def scoring(self, file: TrainingFile) -> Iterator[AnnotatedText]:
        """The target texts that are held out."""
        return (annotate(row, self.trust) for row in self._rows(file) if self._is_held_out(row["pair_id"]))

    def _rows(self, file: TrainingFile) -> Iterator[dict[str, Any]]:
        """The rows of the sample on which no stage of the projection failed."""
        for row in file.read():
            if row["quarantine"] is None and (self.last_pair is None or row["pair_id"] <= self.last_pair):
                yield row

    def _is_held_out(self, pair_id: str) -> bool:
        # Ids are uniform hashes. Their ends decide here, so that samples by their beginnings are independent of it.
        return int(pair_id[-8:], 16) < self.held_out * (1 << 32)


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

    def add(self, texts: Collection[AnnotatedText]) -> None:
        """Counts some texts as well."""
        self.sentences += len(texts)
        for text in texts:
            self.entities.update(entity.type for entity in text.entities)
            self.masked += len(text.masked)
            self.open.update(text.missed)

    @property
    def types(self) -> Collection[str]:
        return self.entities.keys() | self.open.keys()
