"""Forward passes behind one interface: sequences of token ids in, what the model gives for each of their tokens out."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from peft import PeftModel
from transformers import PreTrainedModel

from xner_core.models.batching import pad, places_in_padded
from xner_core.models.model_settings import Arithmetic
from xner_core.models.precision import BERT_LIKE, autocast


class Outputs(torch.nn.Module):
    """What is wanted of a model's output, as a module of its own.

    Args:
        model: an encoder, or a token classifier
        layers: hidden layers that are wanted, 0 being the embeddings; without them, a token classifier's logits, or the
            last hidden state of an encoder
    """

    def __init__(self, model: PreTrainedModel | PeftModel, layers: Sequence[int] | None = None) -> None:
        super().__init__()
        self.model = model
        self.layers = layers

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None, **more: Any
    ) -> tuple[torch.Tensor, ...]:
        """[rows, tokens, size] each."""
        # Modules take any argument.
        model: Any = self.model
        output = model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            output_hidden_states=self.layers is not None,
            **more,
        )
        if self.layers is not None:
            return tuple(output.hidden_states[layer] for layer in self.layers)
        return (output.logits if "logits" in output else output.last_hidden_state,)


class ForwardPass(Protocol):
    """Computes a batch; not for several threads at once."""

    def __call__(self, sequences: Sequence[np.ndarray]) -> list[torch.Tensor]:
        """What the model gives for the tokens of all sequences in order, [tokens, size] for each output."""
        ...


def forward_pass(outputs: Outputs, padding: int, device: str, arithmetic: Arithmetic) -> ForwardPass:
    """The forward pass of a model, which is then its own: the model is moved to the device, or into the runtime.

    Args:
        outputs: of a model on the CPU
        padding: id of the padding token
        device: `cpu` or `cuda`
        arithmetic: that it is computed with

    Raises:
        XnerError: this machine has not got the runtime, or not the instructions, or the runtime cannot run the model.
    """
    if arithmetic.runtime == "openvino":
        from xner_core.models.openvino_pass import OpenvinoPass

        return OpenvinoPass(outputs, padding, arithmetic.precision)
    if device == "cuda" and arithmetic.precision == "bfloat16" and outputs.model.config.model_type in BERT_LIKE:
        from xner_core.models.packed_pass import PackedPass

        return PackedPass(outputs, device, torch.bfloat16)
    return PaddedPass(outputs, padding, device, arithmetic)


class PaddedPass:
    """A forward pass of PyTorch over padded sequences."""

    def __init__(self, outputs: Outputs, padding: int, device: str, arithmetic: Arithmetic) -> None:
        self._outputs = outputs.to(device).eval()
        if device == "cuda":
            # TF32: what stays in float32 is multiplied with 10 bits of mantissa, and added up in all of them.
            torch.set_float32_matmul_precision("high")
        self._padding = padding
        self._device = torch.device(device)
        self._arithmetic = arithmetic

    def __call__(self, sequences: Sequence[np.ndarray]) -> list[torch.Tensor]:
        ids, mask = (each.to(self._device, non_blocking=True) for each in pad(sequences, self._padding))
        places = places_in_padded(sequences).to(self._device, non_blocking=True)
        with torch.inference_mode(), autocast(self._device, self._arithmetic):
            outputs = self._outputs(ids, mask)
        return [each.flatten(0, 1)[places] for each in outputs]
