"""Forward passes of PyTorch over sequences that lie one after the other, so that nothing is computed for padding.

Attention is that of each sequence alone: on a GPU PyTorch's variable-length attention (after FlashAttention-2,
arXiv:2307.08691), on a CPU, where only tests ask for it, that of one sequence after the other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface

from xner_core.models.forward import Outputs

_ATTENTION = "xner_packed"


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """[1, heads, tokens, size] each; where the sequences begin and end, [sequences + 1]; tokens of the longest."""
    if query.is_cuda:
        q, k, v = (each[0].transpose(0, 1) for each in (query, key, value))
        found = varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, scale=scaling)
        assert isinstance(found, torch.Tensor), "nothing else was asked for"
        return found[None], None
    lengths = cu_seq_lens_q.diff().tolist()
    apart = zip(*(each.split(lengths, dim=2) for each in (query, key, value)), strict=True)
    found = [torch.nn.functional.scaled_dot_product_attention(*each, scale=scaling) for each in apart]
    return torch.cat(found, dim=2).transpose(1, 2), None


AttentionInterface.register(_ATTENTION, _attention)


class PackedPass:
    """A forward pass over packed sequences, of a model that is built as BERT is; its weights are of the number type.

    Args:
        outputs: of a model
        device: `cpu` or `cuda`
        dtype: of weights, and of all that goes from layer to layer
    """

    def __init__(self, outputs: Outputs, device: str, dtype: torch.dtype) -> None:
        config = outputs.model.config
        config._attn_implementation = _ATTENTION
        self._outputs = outputs.to(device, dtype).eval()
        self._device = torch.device(device)
        # All but BERT count positions from the padding's id + 1.
        self._first = 0 if config.model_type == "bert" else config.pad_token_id + 1

    @torch.inference_mode()
    def __call__(self, sequences: Sequence[np.ndarray]) -> list[torch.Tensor]:
        lengths = np.array([len(sequence) for sequence in sequences])
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths) + self._first
        ids = self._sent(np.concatenate(sequences))
        outputs = self._outputs(
            ids.long()[None],
            None,
            position_ids=self._sent(places).long()[None],
            cu_seq_lens_q=self._sent(np.append(0, ends)),
            max_length_q=int(lengths.max()),
        )
        return [each[0] for each in outputs]

    def _sent(self, values: np.ndarray) -> torch.Tensor:
        """32-bit integers on their way to the device, which the host does not wait for."""
        tensor = torch.from_numpy(values.astype(np.int32))
        return tensor.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else tensor
