"""Batches of sequences under a token budget, of similar lengths so that little is padding."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices of sequences, longest first, in batches of at most `budget` tokens with padding (or one sequence)."""
    batch: list[int] = []
    for index in np.argsort(lengths, kind="stable")[::-1].tolist():
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def pad(sequences: Sequence[np.ndarray], value: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences as one tensor, [sequences, longest], and its mask, 1 where there is a token."""
    longest = max(len(sequence) for sequence in sequences)
    padded = np.full((len(sequences), longest), value, dtype=np.int64)
    mask = np.zeros((len(sequences), longest), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return torch.from_numpy(padded), torch.from_numpy(mask)
