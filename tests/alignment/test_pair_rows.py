import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xner_core.alignment.pair_rows import MARKERS, PairTokeniser, collate_rows
from xner_core.models.loading import load_encoder

WINDOW = 128


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return load_encoder(tiny_encoder)[1]


@pytest.fixture(scope="module")
def tokeniser(tokenizer):
    return PairTokeniser(tokenizer, WINDOW, marked=False)


def _tokens(tokenizer, ids):
    return "".join(tokenizer.convert_ids_to_tokens(ids.tolist())).replace("▁", "")


def _pair(tokeniser, source, target, words):
    first, second = tokeniser.tokenise([source, target])
    asked = np.array(words).reshape(-1, 2)
    return tokeniser.rows(first, second, np.arange(len(asked)), asked)


def test_a_row_holds_both_texts_and_points_at_entities_and_words(tokenizer, tokeniser):
    (row,) = _pair(tokeniser, "Ada saw Paris", "Ada sah Paris oft", [(0, 1), (2, 3)])
    assert _tokens(tokenizer, row.ids) == "<s>AdasawParis</s></s>AdasahParisoft</s>"
    assert [_tokens(tokenizer, row.ids[a:b]) for a, b in row.entity_tokens] == ["Ada", "Paris"]
    assert [_tokens(tokenizer, row.ids[a:b]) for a, b in row.word_tokens] == ["Ada", "sah", "Paris", "oft"]
    assert row.first_word == 0


def test_markers_stand_around_the_one_entity_of_a_row(tokenizer):
    marked = PairTokeniser(tokenizer, WINDOW, marked=True)
    rows = _pair(marked, "Ada saw Paris", "Ada sah Paris", [(0, 1), (2, 3)])
    before, after = (_tokens(tokenizer, np.array(marked.pieces(marker))) for marker in MARKERS)
    assert [_tokens(tokenizer, row.ids) for row in rows] == [
        f"<s>{before}Ada{after}sawParis</s></s>AdasahParis</s>",
        f"<s>Adasaw{before}Paris{after}</s></s>AdasahParis</s>",
    ]
    assert [_tokens(tokenizer, row.ids[slice(*row.entity_tokens[0])]) for row in rows] == ["Ada", "Paris"]
    assert [_tokens(tokenizer, row.ids[slice(*row.word_tokens[2])]) for row in rows] == ["Paris", "Paris"]


@pytest.mark.parametrize("marked", [False, True])
@settings(max_examples=60, deadline=None)
@example(source=15, target=78, entity=0)
@given(source=st.integers(1, 120), target=st.integers(1, 120), entity=st.integers(0, 119))
def test_windows_of_long_pairs_cover_the_words_near_the_entity(tokenizer, marked, source, target, entity):
    tokeniser = PairTokeniser(tokenizer, WINDOW, marked)
    texts = [" ".join(f"w{place}" for place in range(count)) for count in (source, target)]
    entity = min(entity, source - 1)
    rows = _pair(tokeniser, *texts, [(entity, entity + 1)])
    decided = np.concatenate([np.arange(row.first_word, row.first_word + len(row.word_tokens)) for row in rows])
    # No word is decided twice, and the one in the entity's relative position is.
    assert len(set(decided.tolist())) == len(decided)
    assert int(entity / source * target) in decided
    for row in rows:
        assert len(row.ids) <= WINDOW
        assert _tokens(tokenizer, row.ids[slice(*row.entity_tokens[0])]) == f"w{entity}"
        for place, (start, end) in enumerate(row.word_tokens, start=row.first_word):
            assert _tokens(tokenizer, row.ids[start:end]) == f"w{place}"


def test_a_batch_is_padded_with_empty_ranges(tokeniser):
    rows = _pair(tokeniser, "Ada", "Ada", [(0, 1)]) + _pair(tokeniser, "Ada saw", "Ada sah Rom", [(0, 1), (1, 2)])
    batch = collate_rows(rows, padding=1)
    assert batch.entity_row.tolist() == [0, 1, 1]
    assert batch.word_mask.tolist() == [[True, False, False], [True, True, True]]
    assert batch.word_tokens[0, 1:].tolist() == [[0, 0], [0, 0]]
    assert batch.mask.sum(dim=1).tolist() == [len(row.ids) for row in rows]
