"""Which model tags, and how. What is heavy to import waits until a model is asked for."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jsonargparse.typing import PositiveInt

from xner_core.models.model_settings import STARTER, Arithmetic, Device, Precision, Runtime

if TYPE_CHECKING:
    from xner_core.tagging.tagger import Tagger

# Raised whenever the same model and settings would give other entities.
VERSION = 3


@dataclass(frozen=True)
class TaggerSettings:
    """Which model tags, and how.

    Args:
        model: a Hugging Face token classification model, a folder, local or s3://, or `starter`
        label_map: `conll`, `ontonotes`, or a map from the model's entity types to those to keep
        mentions: tag the target texts as well, so that a training can compare what is projected with what the tagger
            finds there by itself; of use where the model is multilingual
        device: `cpu`, `cuda`, or `auto`, which is a GPU where the machine, or the cluster, has one
        runtime: `torch`, `openvino` (on CPUs; needs the extra `xner[cpu]`), or `auto`, the faster one for
            the precision
        precision: of the model's arithmetic; bfloat16 is faster where the hardware has it, and moves some labels;
            `auto` is float32. Where runtime and precision are `auto`, a folder keeps what its labels were made with
        batch_tokens: tokens, padding included, that the model reads at once; without it 4,096 on a CPU, and on a
            GPU as many as pay, which is measured when the model is loaded
    """

    model: str = STARTER
    label_map: str | dict[str, str] = "conll"
    mentions: bool = True
    device: Device = "auto"
    runtime: Runtime = "auto"
    precision: Precision = "auto"
    batch_tokens: PositiveInt | None = None

    def identity(self) -> dict[str, Any]:
        """All that determines what a tagger with these settings finds, as plain JSON values."""
        from xner_core.models.loading import model_digest, tagger_folder
        from xner_core.tagging.label_scheme import label_map

        return {
            "stage": "tag",
            "version": VERSION,
            "model": model_digest(tagger_folder(self.model)),
            "labels": label_map(self.label_map),
            "mentions": self.mentions,
            **self.arithmetic().identity(),
        }

    def arithmetic(self) -> Arithmetic:
        """What the model is computed by, and how; of `auto`, what it stands for on this machine."""
        from xner_core.models.loading import tagger_folder
        from xner_core.models.precision import settled

        return settled(self.runtime, self.precision, self.device, tagger_folder(self.model))

    def fingerprint(self) -> str:
        """The identity of what a tagger with these settings finds."""
        from xner_core.storage.hashing import fingerprint

        return fingerprint(**self.identity())

    def pinned(self) -> "TaggerSettings":
        """The settings with which every process loads the same model as this one."""
        from xner_core.models.loading import pinned

        return replace(self, model=pinned(self.model))

    def load(self) -> "Tagger":
        """The tagger, on its device.

        Raises:
            XnerError: no such model, or no GPU where `cuda` was asked for.
        """
        from xner_core.models.devices import local_device
        from xner_core.tagging.tagger import Tagger

        arithmetic = self.arithmetic()
        return Tagger(self, local_device("cpu" if arithmetic.runtime == "openvino" else self.device))
