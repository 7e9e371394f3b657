import numpy as np
import pytest
import torch

from xner_core.alignment.word_encoder import WordEncoder
from xner_core.models.loading import load_encoder
from xner_core.models.windows import overlap


@pytest.fixture(scope="module")
def encoder(tiny_encoder):
    return WordEncoder(tiny_encoder, "cpu", batch_tokens=256)


def _strings(text, found):
    return [text[start:end] for start, end in found.words.tolist()]


def test_a_word_has_the_mean_of_its_tokens(encoder, tiny_encoder):
    text = "Ada  saw ▁Paris, twice"
    (found,) = encoder.tokenise([text])
    assert _strings(text, found) == ["Ada", "saw", "▁", "Paris", ",", "twice"]
    model, tokenizer = load_encoder(tiny_encoder)
    encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    with torch.inference_mode():
        hidden = model(encoded["input_ids"], output_hidden_states=True).hidden_states[2][0]
    mark = tokenizer.convert_tokens_to_ids("▁")
    (states,) = encoder.states([found], [2])
    for (start, end), state in zip(found.words.tolist(), states, strict=True):
        tokens = [
            place
            for place, (low, high) in enumerate(encoded["offset_mapping"][0].tolist())
            if low < end and start < high and encoded["input_ids"][0, place] != mark
        ]
        expected = hidden[tokens].mean(dim=0) if tokens else torch.zeros(32)
        torch.testing.assert_close(state, expected, rtol=1e-4, atol=1e-5)


def test_states_do_not_depend_on_the_batch(encoder):
    texts = ["Ada saw Paris", "", "x", "words " * 30, "Ada", "no more than a few words here"]
    found = encoder.tokenise(texts)
    together = encoder.states(found, [1, 2])
    sizes = [len(text.words) for text in found]
    for layer in (0, 1):
        apart = [encoder.states([text], [1, 2])[layer] for text in found]
        assert [len(state) for state in apart] == sizes
        torch.testing.assert_close(together[layer], torch.cat(apart), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [1, 125, 126, 127, 128, 190, 191, 192, 500])
def test_windows_cover_a_long_text_and_each_token_is_decided_once(encoder, tiny_encoder, length):
    text = "".join(chr(ord("a") + place % 26) for place in range(length - 1))
    (found,) = encoder.tokenise([text])
    # One token for the word-start mark, and one a character.
    assert all(len(window) <= 128 for window in found.windows)
    assert all(window[0] == 0 and window[-1] == 2 for window in found.windows)
    assert len(found.link_tokens) == length - 1
    assert len(set(found.link_tokens.tolist())) == length - 1
    flat = np.concatenate(found.windows)
    _, tokenizer = load_encoder(tiny_encoder)
    assert "".join(tokenizer.convert_ids_to_tokens(flat[found.link_tokens].tolist())) == text


def test_tokens_are_decided_where_their_window_sees_most_around_them(encoder):
    text = "ab " * 200
    (found,) = encoder.tokenise([text])
    ends = np.cumsum([len(window) for window in found.windows])
    window = np.searchsorted(ends, found.link_tokens, side="right")
    place = found.link_tokens - np.concatenate([[0], ends])[window]
    size = np.diff(np.concatenate([[0], ends]))[window]
    inner = (window > 0) & (window < len(ends) - 1)
    assert len(ends) > 3
    assert np.minimum(place, size - 1 - place)[inner].min() >= overlap(126) // 2


def test_lower_layers_give_the_same_states(encoder, tiny_encoder):
    cut = WordEncoder(tiny_encoder, "cpu", 256, layer=1)
    cut.keep_lower_layers()
    found = encoder.tokenise(["Ada saw Paris"])
    torch.testing.assert_close(cut.states(found, [1])[0], encoder.states(found, [1])[0])


def test_a_layer_that_the_encoder_lacks_is_refused(tiny_encoder):
    with pytest.raises(ValueError, match="hidden layers 1 to 2, not 3"):
        WordEncoder(tiny_encoder, "cpu", 256, layer=3)
