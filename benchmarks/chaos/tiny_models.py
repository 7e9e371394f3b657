"""Models of no size, with random weights: what a projection does around its models can be tried in seconds."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForTokenClassification,
    XLMRobertaModel,
)

_LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def save_tiny_encoder(folder: Path) -> None:
    """An encoder of XLM-R's kind: 2 layers, hidden size 32, a window of 128 tokens."""
    torch.manual_seed(0)
    XLMRobertaModel(_config(), add_pooling_layer=False).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def save_tiny_tagger(folder: Path) -> None:
    """Such a model with a token classification head for PER, LOC and ORG, in an order of its own."""
    torch.manual_seed(1)
    names = dict(enumerate(_LABELS))
    config = _config(id2label=names, label2id={label: index for index, label in names.items()})
    XLMRobertaForTokenClassification(config).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer like XLM-R's, whose pieces are single characters."""
    pieces = [chr(code) for code in [*range(33, 127), *range(192, 384)]]
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = [(piece, 0.0) for piece in special] + [("▁", -2.0)] + [(piece, -3.0) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        cls_token="<s>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=128,
    )


def _config(**more: Any) -> XLMRobertaConfig:
    return XLMRobertaConfig(
        vocab_size=len(_tokenizer()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=130,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        **more,
    )
