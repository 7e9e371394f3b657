"""The aligner: raw sentence pairs and source spans in, target spans with a confidence out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from jsonargparse.typing import ClosedUnitInterval, PositiveInt

from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.alignment.recipe import AlignerRecipe, read_recipe
from xner_core.alignment.similarity import SimilarityAligner
from xner_core.hashing import fingerprint
from xner_core.models.loading import STARTER, encoder_folder, model_digest

SIMILARITY = "similarity"
# Raised whenever the same model and settings would give other alignments.
VERSION = 1


class Aligner(Protocol):
    """Finds source spans again in the target text; `align` is `finish(prepared, compute(prepared))`.

    The three steps can run apart, so that the next pairs are tokenised (`prepare`, on the host) while the encoder
    (`compute`, on the device) is busy with these. No query makes a batch fail: what cannot be aligned has a reason.
    """

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        """One alignment for each source span of each query, in their order.

        Every target span lies inside its text, and ends where words end. Target spans of a pair overlap only where
        their source spans do.
        """
        ...

    def prepare(self, queries: Sequence[AlignmentQuery]) -> Any: ...

    def compute(self, prepared: Any) -> Any: ...

    def finish(self, prepared: Any, computed: Any) -> list[list[Alignment]]: ...


@dataclass(frozen=True)
class AlignerSettings:
    """Which aligner finds the entities in the target text, and how.

    Args:
        model: `similarity` (hidden-state similarity, needs no training), or a folder that train_aligner.py wrote
        encoder: a Hugging Face encoder, a local folder, or `starter`; without it, the one that the aligner was fitted
            to
        min_confidence: below this probability an entity counts as not there; without it, the aligner's own threshold
        batch_tokens: tokens, padding included, that the encoder reads at once
    """

    model: str = SIMILARITY
    encoder: str | None = None
    min_confidence: ClosedUnitInterval | None = None
    batch_tokens: PositiveInt = 4096

    def recipe(self) -> AlignerRecipe:
        """The aligner's constants, with these settings applied.

        Raises:
            XnerError: no such aligner.
        """
        recipe = AlignerRecipe(encoder=STARTER) if self.model == SIMILARITY else read_recipe(self.model)
        return recipe.replace(encoder=self.encoder, min_confidence=self.min_confidence)

    def fingerprint(self) -> str:
        """The identity of the alignments that an aligner with these settings finds."""
        constants = asdict(self.recipe())
        encoder = model_digest(encoder_folder(constants.pop("encoder")))
        return fingerprint(stage="align", version=VERSION, encoder=encoder, constants=constants)


def load_aligner(settings: AlignerSettings, device: str = "cpu") -> Aligner:
    """Loads an aligner onto a device, `cpu` or `cuda`.

    Raises:
        XnerError: no such aligner or encoder.
    """
    return SimilarityAligner(settings.recipe(), device, settings.batch_tokens)
