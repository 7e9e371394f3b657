"""Forward passes of OpenVINO, which computes on CPUs what PyTorch has described; needs the extra `xner[cpu]`."""

import platform
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from xner_core.errors import XnerError
from xner_core.models.batching import pad, places_in_padded
from xner_core.models.devices import is_out_of_memory
from xner_core.models.forward import Outputs

_ELSE = "take --tagger.runtime torch (--aligner.runtime torch), which labels are then made again with"
# A description is made of a batch with padding, and tried on one of another shape.
_EXAMPLE, _TRIAL = (7, 5), (9, 4, 3)
# The first of some token ids that every vocabulary has, after those of special tokens.
_A_WORD = 5
_INPUTS = ("input_ids", "attention_mask")
# Of the largest value; rounding to bfloat16 through many layers moves values by up to a few hundredths.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.15}
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


class OpenvinoPass:
    """A forward pass of OpenVINO over padded sequences, with as many threads as PyTorch has.

    The weights are its own: the model that is given has none any more.

    Raises:
        XnerError: OpenVINO is not installed, this CPU has not got the precision, or the model is not for it.
    """

    def __init__(self, outputs: Outputs, padding: int, precision: Literal["float32", "bfloat16"]) -> None:
        try:
            import openvino
        except ImportError:
            raise XnerError(
                f"the runtime openvino is not installed on {platform.node()}: pip install 'xner[cpu]' on every node, "
                f"or {_ELSE}"
            ) from None
        self._padding = padding
        outputs.eval()
        kind = outputs.model.config.model_type
        trial = [_A_WORD + np.arange(length) for length in _TRIAL]
        example = pad([_A_WORD + np.arange(length) for length in _EXAMPLE], padding)
        try:
            # That a trace holds for its example alone is what the trial looks at.
            with torch.inference_mode(), warnings.catch_warnings(action="ignore"):
                ids, mask = pad(trial, padding)
                expected = [each.flatten(0, 1)[places_in_padded(trial)] for each in outputs(ids, mask)]
                described = openvino.convert_model(outputs, example_input=dict(zip(_INPUTS, example, strict=True)))
            compiled = openvino.Core().compile_model(described, "CPU", _options(precision))
            self._request: Any = compiled.create_infer_request()
            found = self(trial)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            reason = (str(error).strip().splitlines() or [""])[0]
            raise XnerError(
                f"OpenVINO cannot run a model of type {kind!r} ({type(error).__name__}: {reason}); {_ELSE}"
            ) from error
        if compiled.get_property("INFERENCE_PRECISION_HINT").to_string() != _PRECISIONS[precision]:
            raise XnerError(
                f"the CPU of {platform.node()} has no instructions for {precision}, in which these labels are made by "
                f"OpenVINO; compute on CPUs that have them (AVX-512 BF16 or AMX), or {_ELSE}"
            )
        for one, other in zip(found, expected, strict=True):
            if (one - other).abs().max() > _TOLERANCE[precision] * other.abs().max():
                raise XnerError(f"OpenVINO computes something else than PyTorch of a model of type {kind!r}; {_ELSE}")
        # What nothing reads any more takes no memory.
        outputs.to("meta")

    def __call__(self, sequences: Sequence[np.ndarray]) -> list[torch.Tensor]:
        ids, mask = pad(sequences, self._padding)
        places = places_in_padded(sequences)
        found = self._request.infer([ids.numpy(), mask.numpy()], share_inputs=True, share_outputs=True)
        # They are taken out before the next batch is written to the same memory.
        return [torch.from_numpy(each).flatten(0, 1)[places] for each in found.values()]


def _options(precision: str) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        # Several actors of a node would all be bound to its first cores.
        "ENABLE_CPU_PINNING": False,
    }
