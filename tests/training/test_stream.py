import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.training.stream import BatchStream, shuffled_batches


def _texts(count: int, lengths=lambda number: 1 + number % 7):
    """Texts of one window each, whose first token is the text's number."""
    return [
        [{"input_ids": np.full(lengths(number), number), "targets": np.zeros(lengths(number), dtype=np.int64)}]
        for number in range(count)
    ]


def _stream(count: int, start: int, steps: int, batch_size: int = 4, buffer: int = 10, seed=(1, 0)) -> BatchStream:
    texts = _texts(count)
    return BatchStream(lambda: iter(texts), count, batch_size, buffer, 0, seed, start, steps)


def _numbers(batches) -> list[list[int]]:
    return [batch["input_ids"][:, 0].tolist() for batch in batches]


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 30), st.integers(0, 3))
def test_a_pass_gives_each_text_once(count, size, buffer, seed):
    batches = list(shuffled_batches(_texts(count), size, buffer, np.random.default_rng(seed)))
    assert sorted(text[0]["input_ids"][0] for batch in batches for text in batch) == list(range(count))
    assert len(batches) == -(-count // size)
    assert max(map(len, batches)) <= size


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 20), st.integers(0, 30), st.integers(1, 30))
@settings(deadline=None)
def test_a_stream_from_a_step_is_the_rest_of_the_whole_stream(count, size, buffer, start, more):
    whole = _numbers(_stream(count, 0, start + more, size, buffer))
    assert len(whole) == start + more
    assert _numbers(_stream(count, start, start + more, size, buffer)) == whole[start:]


def test_passes_and_seeds_differ():
    both = _numbers(_stream(40, 0, 20))
    assert both[:10] != both[10:]
    assert _numbers(_stream(40, 0, 10)) != _numbers(_stream(40, 0, 10, seed=(1, 1)))


def test_batches_hold_texts_of_similar_lengths():
    chance = np.random.default_rng(0)
    lengths = chance.integers(1, 100, 4000).tolist()

    def padding(batches):
        longest = [max(len(text[0]["input_ids"]) for text in batch) for batch in batches]
        return sum(most * len(batch) for most, batch in zip(longest, batches, strict=True)) / sum(lengths)

    texts = _texts(4000, lambda number: lengths[number])
    assert padding(list(shuffled_batches(texts, 16, 4000, chance))) < 1.05
    assert padding([texts[i : i + 16] for i in range(0, 4000, 16)]) > 1.5


def test_a_pass_without_texts_is_an_error():
    stream = BatchStream(lambda: iter([]), 4, 2, 10, 0, (1,), 0, 5)
    with pytest.raises(RuntimeError, match="no batch"):
        list(stream)
