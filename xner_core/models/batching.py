"""Batches of sequences under a token budget, of similar lengths so that little is padding."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import TypeVar

import numpy as np
import torch

from xner_core.models.devices import is_out_of_memory

logger = logging.getLogger(__name__)

Indices = TypeVar("Indices", Sequence[int], list[int], np.ndarray)


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
    padded = torch.full((len(sequences) * longest,), value)
    mask = torch.zeros_like(padded)
    places = places_in_padded(sequences)
    padded[places] = torch.from_numpy(np.concatenate(sequences).astype(np.int64, copy=False))
    mask[places] = 1
    return padded.view(len(sequences), longest), mask.view(len(sequences), longest)


def places_in_padded(sequences: Sequence[Sized]) -> torch.Tensor:
    """Where the tokens of all sequences in order lie in the padded ones, [tokens], these one after the other."""
    lengths = np.array([len(sequence) for sequence in sequences])
    before = np.cumsum(lengths) - lengths
    shift = np.arange(len(lengths)) * lengths.max() - before
    return torch.from_numpy(np.repeat(shift, lengths) + np.arange(lengths.sum()))


def pad_states(states: torch.Tensor, sequences: Sequence[Sized]) -> torch.Tensor:
    """States of the tokens of all sequences in order, [tokens, size], as [sequences, longest, size], padded with 0."""
    longest = max(len(sequence) for sequence in sequences)
    padded = states.new_zeros(len(sequences) * longest, states.shape[1])
    padded[places_in_padded(sequences).to(states.device, non_blocking=True)] = states
    return padded.view(len(sequences), longest, -1)


def run_batches(batches: Iterable[Indices], run: Callable[[Indices], None]) -> None:
    """Runs a function on each batch; one that memory does not suffice for is halved, and its halves if need be.

    Args:
        batches: indices of what is computed
        run: keeps what it computes only when it has all of it, so that a batch can be computed again in parts

    Raises:
        MemoryError or RuntimeError: see `is_out_of_memory`; memory does not suffice for one index alone.
    """
    for whole in batches:
        pending: list[Indices] = [whole]
        while pending:
            batch = pending.pop()
            if not _fits(run, batch):
                half = (len(batch) + 1) // 2
                pending += [batch[half:], batch[:half]]
                logger.warning(
                    "out of memory with %d at once, tried in halves; a smaller batch_tokens makes that needless",
                    len(batch),
                )


def _fits(run: Callable[[Indices], None], batch: Indices) -> bool:
    """Runs a batch; whether memory sufficed. What the failed call holds is free again when this has returned."""
    try:
        run(batch)
    except Exception as error:
        if len(batch) == 1 or not is_out_of_memory(error):
            raise
        return False
    return True
