"""A student's folder, read by Transformers alone, finds what xner finds with it."""

import json
import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel, pipeline

from label_files import sentences, write_labels
from xner_core.labels.label_files import find_label_files
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.words import words
from xner_core.training.student_model import new_student
from xner_core.training.student_plan import plan_training
from xner_core.training.student_settings import StudentRecipe

TEXTS = [
    "Angela Merkel war in Köln.",
    'Er sagte: "Berlin ist schön."',
    "Die Firma (Siemens) wächst, „Bosch“ auch; EU-Budget…",
    "Он живёт в «Москве».",
    "习近平昨天在北京会见了普京。美国（纽约）",
    "नई दिल्ली में नरेंद्र मोदी ने कहा।",
    "Ọ̀yọ́, Ìbàdàn àti “Èkó”",
    unicodedata.normalize("NFD", "Ọ̀yọ́, Ìbàdà àti “Èkó”. Hà Nội là thủ đô."),
    "Köln\u00a0und\u3000Bonn\tliegen\nam Rhein",
    "ﬁnden ½ ㎏ 👍🏽 \u202e\x00",
    "",
    "  ",
]
_WINDOW = 128


def tokenizer() -> PreTrainedTokenizerFast:
    """Of XLM-R's kind: its normal form, its marks, pieces that cross words, and no tokens for some characters."""
    characters = sorted(set(unicodedata.normalize("NFKC", "".join(TEXTS))) - set(" 👍🏽"))
    longer = [
        "▁Merkel",
        "▁Köln",
        "Ber",
        "lin",
        '."',
        "▁(",
        "ens",
        "北京",
        "普京。",
        "国（",
        "दिल्ली",
        "▁न",
        "ọ́",
        "à",
        "kó”",
    ]
    vocabulary = [(piece, -2.0) for piece in ["<s>", "<pad>", "</s>", "<unk>", "▁", *longer]]
    vocabulary += [(character, -9.0) for character in characters if character not in longer]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    backend.normalizer = normalizers.Sequence([normalizers.Replace(Regex(r"[\s\p{Cc}]+"), " "), normalizers.NFKC()])
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = dict(bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", unk_token="<unk>")
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", **names)


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> str:
    """A student with random weights, which finds much: its tokenizer and settings as a training leaves them."""
    encoder, folder = (tmp_path_factory.mktemp(name) for name in ("encoder", "student"))
    torch.manual_seed(3)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=_WINDOW + 2,
        initializer_range=0.4,
    )
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(encoder)
    tokenizer().save_pretrained(encoder)
    recipe = StudentRecipe(start="encoder", model=str(encoder))
    labels = write_labels(tmp_path_factory.mktemp("labels"), sentences(60))
    plan = plan_training(recipe, find_label_files([labels]))
    new_student(recipe, plan.types).save_pretrained(folder)
    plan.tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def use(student):
    return pipeline("token-classification", model=student, aggregation_strategy="simple", stride=12)


@pytest.fixture(scope="module")
def tagger(student) -> Tagger:
    return Tagger(TaggerSettings(student))


def found(use, text: str) -> list[tuple[int, int, str]]:
    return [(one["start"], one["end"], one["entity_group"]) for one in use(text)]


def own(tagger: Tagger, text: str) -> list[tuple[int, int, str]]:
    return [(*entity.span, entity.type) for entity in tagger.tag([text])[0]]


@pytest.mark.parametrize("text", TEXTS)
def test_the_pipeline_finds_what_xner_finds(use, tagger, text):
    assert found(use, text) == own(tagger, text)


def test_the_students_find_something(tagger):
    assert sum(len(own(tagger, text)) for text in TEXTS) > 20


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from(sorted(set("".join(TEXTS)))), max_size=_WINDOW // 3))
def test_the_pipeline_finds_what_xner_finds_in_any_text(use, tagger, text):
    assert found(use, text) == own(tagger, text)
    for start, end, _ in found(use, text):
        assert 0 <= start < end <= len(text)
        assert not text[start].isspace()
        assert not text[end - 1].isspace()


@pytest.mark.parametrize("text", TEXTS)
def test_no_entity_holds_punctuation_and_a_part_of_a_word(tagger, text):
    """An entity of several words may hold what stands between them; none ends with what stands behind."""
    spaced = {edge for start, end in words(text) for edge in (start, end)}
    for start, end, _ in own(tagger, text):
        first = next(word for word in words(text) if word[0] <= start < word[1])
        last = next(word for word in words(text) if word[0] < end <= word[1])
        assert start in spaced or first[0] < start
        assert end in spaced or end < last[1]


def test_a_text_of_several_windows_is_read_to_its_end(use, student):
    text = "Er sagte: Berlin. " * 60
    assert found(use, text)[-1][1] > len(text) - 40
    assert json.loads((Path(student) / "tokenizer_config.json").read_text())["model_max_length"] == _WINDOW
