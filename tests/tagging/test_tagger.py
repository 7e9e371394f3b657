import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from any_script import any_text
from xner_core.errors import XnerError
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.words import words

TEXTS = ["Anna Weber lives in Bonn.", "", "👍🏽 \u202e\x00 北京", "Paris " * 100, " \n ", "Ulm"]


@pytest.fixture(scope="module")
def tagger(tiny_tagger) -> Tagger:
    return Tagger(TaggerSettings(tiny_tagger, batch_tokens=256))


def spans(found):
    return [[(entity.span, entity.type) for entity in entities] for entities in found]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=200) | any_text, max_size=4))
def test_entities_are_in_order_inside_their_texts(tagger, texts):
    for text, entities in zip(texts, tagger.tag(texts), strict=True):
        end = 0
        starts, ends = ({edge[side] for edge in words(text)} for side in (0, 1))
        for entity in entities:
            assert entity.span.start in starts
            assert entity.span.end in ends
            assert end <= entity.span.start < entity.span.end <= len(text)
            assert 0 <= entity.confidence <= 1
            assert entity.type in ("PER", "LOC", "ORG")
            end = entity.span.end


def test_texts_are_tagged_alike_alone_and_in_a_batch(tagger):
    together = tagger.tag(TEXTS)
    assert spans(together) == spans([tagger.tag([text])[0] for text in TEXTS])
    assert any(together)


def test_a_text_beyond_the_window_is_tagged_to_its_end(tagger):
    # The tiny model calls this word an entity wherever it stands.
    word = next(text for text in ("Ulm", "Bonn", "Paris", "Kiel", "Anna") if tagger.tag([f"{text} {text}"])[0])
    long = " ".join([word] * 300)
    assert tagger.tag([long])[0][-1].span.end > len(long) - 3 * len(word)


def test_a_label_map_renames_and_drops_types(tiny_tagger):
    kept = Tagger(TaggerSettings(tiny_tagger, label_map={"PER": "person"}))
    assert kept.types == ["person"]
    with pytest.raises(XnerError, match="label map"):
        Tagger(TaggerSettings(tiny_tagger, label_map="ontonotes_"))


def test_the_fingerprint_follows_the_weights_and_the_label_map(tiny_tagger):
    own = TaggerSettings(tiny_tagger).fingerprint()
    assert own == TaggerSettings(tiny_tagger, batch_tokens=64).fingerprint()
    assert own != TaggerSettings(tiny_tagger, label_map={"PER": "PER"}).fingerprint()
    assert own != TaggerSettings(tiny_tagger, mentions=False).fingerprint()
    assert own != TaggerSettings(tiny_tagger, precision="bfloat16").fingerprint()


def test_a_missing_model_is_named():
    with pytest.raises(XnerError, match=r"no/such-model.*'starter'"):
        TaggerSettings("no/such-model").fingerprint()
