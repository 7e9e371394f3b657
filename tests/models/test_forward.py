import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from xner_core.models.batching import pad, pad_states, places_in_padded


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_padding_is_undone(lengths):
    sequences = [np.arange(length) + 100 * row for row, length in enumerate(lengths)]
    ids, mask = pad(sequences, -1)
    assert ids.shape == mask.shape == (len(lengths), max(lengths))
    assert mask.sum(dim=1).tolist() == lengths
    assert (ids[mask == 0] == -1).all()
    flat = ids.flatten()[places_in_padded(sequences)]
    assert flat.tolist() == np.concatenate(sequences).tolist()
    states = pad_states(flat[:, None].float(), sequences)
    torch.testing.assert_close(states[..., 0], ids.float() * mask)
