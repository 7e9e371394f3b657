"""Which aligner finds the entities in the target text, and how. What is heavy to import waits until it is asked for."""

from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse.typing import ClosedUnitInterval, PositiveInt

from xner_core.alignment.aligner_kinds import SIMILARITY
from xner_core.errors import XnerError
from xner_core.models.model_settings import STARTER, Arithmetic, Device, Precision, Runtime

if TYPE_CHECKING:
    from xner_core.alignment.aligner import Aligner
    from xner_core.alignment.recipe import AlignerRecipe, TrainedRecipe

# Raised whenever the same model and settings would give other alignments.
VERSION = 4


@dataclass(frozen=True)
class AlignerSettings:
    """Which aligner finds the entities in the target text, and how.

    Args:
        model: `starter` (trained, ships with xner), `similarity` (hidden-state similarity, needs no training), or a
            folder, local or s3://, that xner train-aligner wrote
        encoder: a Hugging Face encoder, a folder, or `starter`, for `similarity`; others have one of their own
        min_confidence: below this probability an entity counts as not there; without it, the aligner's own threshold
        device: `cpu`, `cuda`, or `auto`, which is a GPU where the machine, or the cluster, has one
        runtime: `torch`, `openvino` (on CPUs; needs the extra `xner[cpu]`), or `auto`, the faster one for
            the precision
        precision: of the encoder's arithmetic; bfloat16 is faster where the hardware has it, and moves some labels;
            `auto` is float32. Where runtime and precision are `auto`, a folder keeps what its labels were made with
        batch_tokens: tokens, padding included, that the encoder reads at once; without it 4,096 on a CPU, and on a
            GPU as many as pay, which is measured when the encoder is loaded
    """

    model: str = STARTER
    encoder: str | None = None
    min_confidence: ClosedUnitInterval | None = None
    device: Device = "auto"
    runtime: Runtime = "auto"
    precision: Precision = "auto"
    batch_tokens: PositiveInt | None = None

    def __post_init__(self) -> None:
        if self.encoder is None or self.folder is None:
            return
        from xner_core.alignment.recipe import TrainedRecipe, read_recipe

        own = read_recipe(self.folder)
        # Of its own, it may be told the revision.
        if isinstance(own, TrainedRecipe) and self.encoder.partition("@")[0] != own.encoder.partition("@")[0]:
            raise XnerError(
                f"aligner {self.model!r} was trained on an encoder of its own; leave out encoder, or name the aligner "
                f"{SIMILARITY!r}, which takes any"
            )

    @property
    def folder(self) -> Path | None:
        """Where the aligner's files lie; None for `similarity`, which has none."""
        if self.model == SIMILARITY:
            return None
        if self.model == STARTER:
            return Path(str(files("xner_core") / "starter" / "aligner"))
        from xner_core.models.folders import local_folder

        return local_folder(self.model)

    def recipe(self) -> "AlignerRecipe | TrainedRecipe":
        """The aligner's constants, with these settings applied.

        Raises:
            XnerError: no such aligner.
        """
        from xner_core.alignment.recipe import AlignerRecipe, TrainedRecipe, read_recipe

        recipe = AlignerRecipe(encoder=STARTER) if self.folder is None else read_recipe(self.folder)
        changes: dict[str, Any] = {"encoder": self.encoder, "min_confidence": self.min_confidence}
        if isinstance(recipe, TrainedRecipe) and self.min_confidence is not None:
            # The given threshold takes the place of the aligner's own.
            changes["min_presence"] = 0.0
        return replace(recipe, **{name: value for name, value in changes.items() if value is not None})

    def identity(self) -> dict[str, Any]:
        """All that determines the alignments that an aligner with these settings finds, as plain JSON values."""
        from xner_core.alignment.recipe import TrainedRecipe
        from xner_core.models.loading import encoder_folder, model_digest

        recipe = self.recipe()
        constants = asdict(recipe)
        return {
            "stage": "align",
            "version": VERSION,
            "encoder": model_digest(encoder_folder(constants.pop("encoder"))),
            "weights": model_digest(self.folder) if self.folder and isinstance(recipe, TrainedRecipe) else None,
            "constants": constants,
            **self.arithmetic().identity(),
        }

    def arithmetic(self) -> Arithmetic:
        """What the encoder is computed by, and how; of `auto`, what it stands for on this machine."""
        from xner_core.models.loading import encoder_folder
        from xner_core.models.precision import settled

        return settled(self.runtime, self.precision, self.device, encoder_folder(self.recipe().encoder))

    def fingerprint(self) -> str:
        """The identity of the alignments that an aligner with these settings finds."""
        from xner_core.storage.hashing import fingerprint

        return fingerprint(**self.identity())

    def pinned(self) -> "AlignerSettings":
        """The settings with which every process loads the same encoder as this one."""
        from xner_core.models.loading import pinned

        return replace(self, encoder=pinned(self.recipe().encoder))

    def load(self) -> "Aligner":
        """The aligner, on its device.

        Raises:
            XnerError: no such aligner or encoder, or no GPU where `cuda` was asked for.
        """
        from xner_core.alignment.recipe import AlignerRecipe
        from xner_core.alignment.similarity import SimilarityAligner
        from xner_core.alignment.trained import TrainedAligner
        from xner_core.models.devices import local_device

        recipe, folder, arithmetic = self.recipe(), self.folder, self.arithmetic()
        device = local_device("cpu" if arithmetic.runtime == "openvino" else self.device)
        if isinstance(recipe, AlignerRecipe):
            return SimilarityAligner(recipe, device, self.batch_tokens, arithmetic)
        assert folder is not None, "a trained aligner has one"
        return TrainedAligner(folder, recipe, device, self.batch_tokens, arithmetic)
