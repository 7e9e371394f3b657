"""Models of many architectures, on texts of several windows: what loads also runs."""

from pathlib import Path

import pytest
import torch
from transformers import BartConfig, BartModel

from architectures import ENCODERS, LABELS, WITHOUT_ADAPTERS, WITHOUT_LAYERS, byte_tokenizer, save_model
from xner_core.alignment.aligner_kinds import MARKER, SPAN_QUERY
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.alignment.recipe import TrainedRecipe
from xner_core.alignment.trained import TrainedAligner, new_scorer, save_scorer
from xner_core.errors import XnerError
from xner_core.models.loading import load_encoder, load_token_classifier, new_token_classifier
from xner_core.models.units import TokenTokeniser
from xner_core.models.window_size import model_window
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity, Span
from xner_core.training.features import AnnotatedText, FeatureEncoder, TargetScheme, collate
from xner_core.training.fitting_settings import LossSettings
from xner_core.training.losses import batch_loss
from xner_core.training.student_model import load_start, new_student
from xner_core.training.student_settings import StudentRecipe

# Of each kind of window one or two; those that are like others are slow.
LIKE_OTHERS = frozenset(
    "roberta roberta-prelayernorm xmod markuplm esm electra albert roformer rembert fnet nystromformer megatron-bert "
    "distilbert flaubert biogpt deberta eurobert t5 umt5 bloom".split()
)
PARAMS = [pytest.param(name, marks=pytest.mark.slow if name in LIKE_OTHERS else ()) for name in ENCODERS]

SENTENCE = "Angela Merkel was in Bonn and Ulm."


def long_text(window: int) -> str:
    """A text of several windows."""
    return " ".join([SENTENCE] * (window // 2))


@pytest.fixture(scope="module", params=PARAMS)
def model(request, tmp_path_factory) -> tuple[str, str, int]:
    """A folder with a model and a tokenizer that does not tell its window; its type; and the window."""
    settings, window = ENCODERS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    decoder = request.param in ("gpt2", "bloom", "llama")
    save_model(folder, request.param, settings, byte_tokenizer(special=not decoder))
    return str(folder), request.param, window


def test_the_window_is_what_the_model_can_read(model):
    folder, _, window = model
    for load in (load_encoder, load_token_classifier):
        loaded, tokenizer = load(folder)
        assert model_window(loaded, tokenizer) == window
        with torch.inference_mode():
            loaded(input_ids=torch.full((2, window), 20), attention_mask=torch.ones(2, window, dtype=torch.long))
        tokenizer.model_max_length = 40
        assert model_window(loaded, tokenizer) == 40


def test_a_tagger_tags_a_long_text(model):
    folder, _, window = model
    texts = [long_text(window), SENTENCE, ""]
    tagger = Tagger(TaggerSettings(folder))
    found = tagger.tag(texts)
    assert len(found) == len(texts)
    for text, entities in zip(texts, found, strict=True):
        assert all(0 <= entity.span.start < entity.span.end <= len(text) for entity in entities)


def queries(window: int) -> list[AlignmentQuery]:
    spans = (Span(0, 13), Span(21, 25))
    return [AlignmentQuery(text, text, spans) for text in (long_text(window), SENTENCE)]


def test_the_similarity_aligner_reads_a_long_text_or_says_that_it_cannot(model):
    folder, kind, window = model
    settings = AlignerSettings("similarity", folder)
    if kind in WITHOUT_LAYERS:
        with pytest.raises(XnerError, match=r"has no state for each token in each layer; name another"):
            settings.load()
        return
    assert [len(found) for found in settings.load().align(queries(window))] == [2, 2]


@pytest.mark.parametrize("head", [SPAN_QUERY, MARKER])
def test_a_trained_aligner_reads_a_long_text_or_says_that_it_cannot(model, head, tmp_path):
    folder, kind, window = model
    if kind in WITHOUT_ADAPTERS:
        with pytest.raises(XnerError, match="no adapter"):
            new_scorer(head, folder, None, 2)
        return
    scorer, _, layers = new_scorer(head, folder, None, 2)
    save_scorer(tmp_path, scorer, folder)
    aligner = TrainedAligner(tmp_path, TrainedRecipe(head, folder, layers))
    assert [len(found) for found in aligner.align(queries(window))] == [2, 2]


@pytest.mark.parametrize("start", ["tagger", "encoder"])
def test_a_student_learns_from_a_long_text(model, start):
    """With the tagger's labels and a new one."""
    folder, _, window = model
    recipe = StudentRecipe(start=start, model=folder)
    scheme = TargetScheme(["LOC", "PER", "ORG"])
    start_model, tokenizer = load_start(recipe)
    assert model_window(start_model, tokenizer) == window
    student = new_student(recipe, scheme.types).train()
    text = AnnotatedText(long_text(window), [Entity(Span(0, 13), "PER")])
    (windows,) = FeatureEncoder(TokenTokeniser(tokenizer, window), scheme)([text])
    assert len(windows) > 2
    batch = collate(windows, tokenizer.pad_token_id)
    logits = student(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    batch_loss(logits, batch["labels"], scheme.admitted, LossSettings()).backward()
    if start == "tagger":
        head = next(module for name, module in student.named_children() if name in ("classifier", "score"))
        old = next(m for n, m in load_token_classifier(folder)[0].named_children() if n in ("classifier", "score"))
        assert head.out_features == 7
        torch.testing.assert_close(head.weight[scheme.labels.index("B-LOC")], old.weight[LABELS.index("B-LOC")])


def save(folder: Path, kind: str, **changes) -> str:
    settings, _ = ENCODERS[kind]
    save_model(folder, kind, settings | changes, byte_tokenizer())
    return str(folder)


def test_a_model_without_a_tokenizer_is_refused(tmp_path):
    """transformers makes one up, to which all words are unknown."""
    save_model(tmp_path, "xlm-roberta", ENCODERS["xlm-roberta"][0], None)
    for load in (load_encoder, load_token_classifier):
        with pytest.raises(XnerError, match="no tokenizer here; save the model's tokenizer"):
            load(str(tmp_path))


@pytest.mark.parametrize("file", ["tokenizer.json", "config.json", "model.safetensors"])
def test_a_damaged_model_is_refused_in_one_line(file, tmp_path):
    folder = save(tmp_path, "bert")
    (tmp_path / file).write_bytes(b"{ noise")
    for load in (load_encoder, load_token_classifier):
        with pytest.raises(XnerError, match=rf"{tmp_path}: no .* can be loaded from here \(\w+: .*\)") as caught:
            load(folder)
        assert "\n" not in str(caught.value)


def test_a_type_that_transformers_does_not_know_is_refused(tmp_path):
    folder = save(tmp_path, "bert")
    config = (tmp_path / "config.json").read_text().replace('"model_type": "bert"', '"model_type": "bart-simpson"')
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(XnerError, match=r"no encoder can be loaded from here .*bart-simpson"):
        load_encoder(folder)


def test_an_encoder_is_no_tagger(tmp_path):
    folder = save(tmp_path / "tagger", "camembert")
    encoder, tokenizer = load_encoder(folder)
    encoder.save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    with pytest.raises(XnerError, match=r"no token classifier, for it has no weights for classifier\.bias, classifier"):
        Tagger(TaggerSettings(str(tmp_path / "encoder")))


def test_a_tokenizer_that_knows_more_than_its_model_is_refused(tmp_path):
    folder = save(tmp_path, "bert")
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(["Bonn"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(XnerError, match=r"tokens up to id \d+, but the model knows only \d+"):
        Tagger(TaggerSettings(folder))


def test_a_model_that_needs_more_than_text_is_refused(tmp_path):
    save_model(tmp_path, "bros", ENCODERS["bert"][0], byte_tokenizer())
    with pytest.raises(XnerError, match=r"of type 'bros' cannot read 16 tokens of plain text \(ValueError: .*bbox\)"):
        Tagger(TaggerSettings(str(tmp_path)))


def test_a_window_that_the_settings_do_not_tell_right_is_found_out_when_the_model_is_loaded(tmp_path):
    """MPT says elsewhere how much it reads."""
    settings = {"d_model": 32, "n_heads": 2, "n_layers": 2, "max_seq_len": 64}
    save_model(tmp_path, "mpt", settings, byte_tokenizer())
    with pytest.raises(XnerError, match="of type 'mpt' cannot read 512 tokens of plain text"):
        Tagger(TaggerSettings(str(tmp_path)))


def test_no_tagger_of_a_type_that_classifies_no_tokens(tmp_path):
    size = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 1}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    tokenizer = byte_tokenizer()
    BartModel(BartConfig(vocab_size=len(tokenizer), max_position_embeddings=66, **size, **heads)).save_pretrained(
        tmp_path
    )
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(XnerError, match=r"no token classifier can be loaded from here .*BartConfig"):
        new_token_classifier(str(tmp_path), LABELS)
    # Its encoder alone is one like any other.
    aligner = AlignerSettings("similarity", str(tmp_path)).load()
    assert [len(found) for found in aligner.align(queries(66))] == [2, 2]
