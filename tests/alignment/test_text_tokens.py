import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.alignment.text_tokens import TextTokeniser
from xner_core.models.loading import load_encoder


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return load_encoder(tiny_encoder)[1]


@pytest.fixture(scope="module")
def tokeniser(tokenizer):
    return TextTokeniser(tokenizer)


def test_words_have_their_own_tokens(tokenizer, tokeniser):
    text = "Ada saw Paris, twice. 在北京见面"
    (found,) = tokeniser.tokenise([text])
    for (start, end), (first, last) in zip(found.words.tolist(), found.tokens.tolist(), strict=True):
        read = "".join(tokenizer.convert_ids_to_tokens(found.ids[first:last].tolist()))
        assert read in (text[start:end], "<unk>" * (last - first))
    assert (found.tokens[1:, 0] >= found.tokens[:-1, 1]).all()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=3))
def test_any_text_is_tokenised(tokeniser, texts):
    for text, found in zip(texts, tokeniser.tokenise(texts), strict=True):
        assert (found.tokens[:, 0] <= found.tokens[:, 1]).all()
        assert (np.diff(found.tokens[:, 0]) >= 0).all()
        assert found.tokens.max(initial=0) <= len(found.ids)
        assert (found.words <= len(text)).all()
