"""Models that cost next to nothing: one narrow layer that does nothing, and a vocabulary by which names are known.

What is left of a stage's time is that of the host: tokenisation, decoding, the choice of spans, files. They are folders
like any other model's, so that actors load them as well, and whatever runs a model runs them.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification, XLMRobertaModel

from throughput_rows.made_up import TYPES, made_up_pairs
from xner_core.alignment.aligner_kinds import SPAN_QUERY
from xner_core.alignment.recipe import TrainedRecipe, write_recipe
from xner_core.alignment.trained import new_scorer, save_scorer
from xner_core.models.loading import encoder_folder, load_tokenizer
from xner_core.models.model_settings import STARTER

_HIDDEN = 32
_NAMES = 5_000
_LABELS = ["O", *(f"{prefix}-{type_}" for type_ in TYPES for prefix in ("B", "I"))]


def save_free_models(folder: Path) -> None:
    """Writes `tagger`, `encoder` and `aligner` into a folder, with the starter encoder's vocabulary."""
    tokenizer = load_tokenizer(encoder_folder(STARTER))
    torch.manual_seed(1)
    names = dict(enumerate(_LABELS))
    tagger = XLMRobertaForTokenClassification(_config(tokenizer, names)).eval()
    with torch.no_grad():
        _make_transparent(tagger.roberta)
        words = tagger.roberta.embeddings.word_embeddings.weight
        # The first places say the type of a name, and the head reads them there.
        words[:, : len(TYPES)] = 0
        for token, type_ in _tokens_of_names(tokenizer).items():
            words[token, TYPES.index(type_)] = 20
        tagger.classifier.weight.zero_()
        tagger.classifier.bias.zero_()
        tagger.classifier.bias[0] = 8
        for place in range(len(TYPES)):
            tagger.classifier.weight[1 + 2 * place, place] = 4
    tagger.save_pretrained(folder / "tagger")
    tokenizer.save_pretrained(folder / "tagger")
    tagger.roberta.save_pretrained(folder / "encoder")
    tokenizer.save_pretrained(folder / "encoder")
    encoder = str((folder / "encoder").absolute())
    # As it begins, the scorer finds what is spelt alike.
    scorer, _, layers = new_scorer(SPAN_QUERY, encoder, 1, 1)
    save_scorer(folder / "aligner", scorer, encoder)
    write_recipe(folder / "aligner", TrainedRecipe(SPAN_QUERY, encoder, layers, min_presence=0.0), {})


def _config(tokenizer: Any, names: dict[int, str]) -> XLMRobertaConfig:
    return XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=_HIDDEN,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=_HIDDEN,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )


def _make_transparent(encoder: XLMRobertaModel) -> None:
    """A token's state is that of its word alone."""
    layer: Any = encoder.encoder.layer[0]
    for module in (layer.attention.output.dense, layer.output.dense):
        module.weight.zero_()
        module.bias.zero_()
    encoder.embeddings.position_embeddings.weight.zero_()
    encoder.embeddings.token_type_embeddings.weight.zero_()


def _tokens_of_names(tokenizer: Any) -> dict[int, str]:
    """The tokens that made-up names begin with, and no other word, with the most frequent type of these names."""
    types: dict[int, Counter[str]] = {}
    others: set[int] = set()
    for pair in made_up_pairs(_NAMES):
        encoded = tokenizer(pair.source, return_offsets_mapping=True, add_special_tokens=False)
        starts = {name.source.start: name.type for name in pair.names}
        inside = {place for name in pair.names for place in range(*name.source)}
        for token, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
            # The mark of a word's beginning may stand for the space before it.
            start += pair.source[start : start + 1] == " "
            if start in starts and end > start:
                types.setdefault(token, Counter())[starts[start]] += 1
            elif start not in inside:
                others.add(token)
    return {token: found.most_common(1)[0][0] for token, found in types.items() if token not in others}
