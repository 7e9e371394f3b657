"""Projected labels as training data: which pairs, and what each pair says about its target text."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.errors import XnerError
from xner_core.labels.pair_ids import id_halves
from xner_core.storage.files import Location, read_table
from xner_core.training.annotations import Annotations
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

    def read(self) -> pa.Table:
        """The label rows, with the votes on them (see `xner_core.labels.consensus.CONSENSUS`).

        Raises:
            XnerError: a file that cannot be read, or votes on other labels.
        """
        labels = read_table(self.labels, COLUMNS)
        if self.votes is None:
            return labels
        votes = read_table(self.votes)
        if not votes["pair_id"].equals(labels["pair_id"]):
            raise XnerError(f"{self.votes}: not the votes on {self.labels}; make them with xner consensus")
        for name in ("votes", "recovered"):
            labels = labels.append_column(name, votes[name])
        return labels


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

    def annotations(self, file: TrainingFile) -> tuple[Annotations, Annotations]:
        """What is known of the target texts to train on, as they are written, and of those that are held out."""
        labels = file.read()
        taken = pc.is_null(labels["quarantine"])
        if self.last_pair is not None:
            taken = pc.and_(taken, pc.less_equal(labels["pair_id"], self.last_pair))
        labels = labels.filter(taken)
        held_out = self._is_held_out(labels["pair_id"])
        return annotate(labels.filter(~held_out), self.trust), annotate(labels.filter(held_out), self.trust)

    def training(self, file: TrainingFile) -> Iterator[AnnotatedText]:
        """The target texts to train on."""
        texts, _ = self.annotations(file)
        settings = self.augmentation
        return (augmented(text, settings, self.seed) for text in texts) if settings else iter(texts)

    def _is_held_out(self, ids: pa.ChunkedArray) -> np.ndarray:
        # Ids are uniform hashes. Their ends decide here, so that samples by their beginnings are independent of it.
        return (id_halves(ids)[:, 1] & 0xFFFFFFFF) < self.held_out * (1 << 32)
