"""Tiny models of many architectures, with random weights and one tokenizer, as folders."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from transformers import CONFIG_MAPPING, AutoModelForTokenClassification, PreTrainedTokenizerFast

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_SMALL = _SIZE | {"max_position_embeddings": 66}
_T5 = {"d_model": 32, "d_kv": 16, "num_layers": 2, "num_heads": 2, "d_ff": 64, "decoder_start_token_id": 1}
_XLM = {"emb_dim": 32, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 66}

# Settings and window of each type. Those that count positions from padding id + 1 have 66, of which 2 are never used.
ENCODERS = {
    "roberta": (_SMALL, 64),
    "xlm-roberta": (_SMALL, 64),
    "xlm-roberta-xl": (_SMALL, 64),
    "roberta-prelayernorm": (_SMALL, 64),
    "camembert": (_SMALL, 64),
    "data2vec-text": (_SMALL, 64),
    "xmod": (_SMALL | {"languages": ["en_XX"], "default_language": "en_XX"}, 64),
    "mpnet": (_SMALL, 64),
    "longformer": (_SMALL | {"attention_window": 8}, 64),
    "luke": (_SMALL | {"entity_vocab_size": 10, "entity_emb_size": 16}, 64),
    "ibert": (_SMALL, 64),
    "markuplm": (_SMALL, 64),
    "esm": (_SMALL, 64),
    "bert": (_SMALL, 66),
    "electra": (_SMALL | {"embedding_size": 16}, 66),
    "albert": (_SMALL | {"embedding_size": 16}, 66),
    "roformer": (_SMALL, 66),
    "rembert": (_SMALL | {"input_embedding_size": 16, "output_embedding_size": 16}, 66),
    "fnet": (_SMALL, 66),
    "big_bird": (_SMALL | {"block_size": 4, "num_random_blocks": 1, "max_position_embeddings": 64}, 64),
    "nystromformer": (_SMALL | {"num_landmarks": 8, "segment_means_seq_len": 8}, 66),
    "megatron-bert": (_SMALL, 66),
    "distilbert": ({"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 66}, 66),
    "xlm": (_XLM, 66),
    "flaubert": (_XLM, 66),
    "gpt2": ({"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 66}, 66),
    "biogpt": (_SMALL, 66),
    # No table of positions: what the settings say.
    "deberta": (_SMALL | {"position_biased_input": False, "relative_attention": True}, 66),
    "deberta-v2": (_SMALL | {"position_biased_input": False, "relative_attention": True}, 66),
    "modernbert": (_SMALL, 66),
    "eurobert": (_SMALL | {"num_key_value_heads": 2}, 66),
    "llama": (_SMALL | {"num_key_value_heads": 2}, 66),
    # Nor do they.
    "xlnet": ({"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64}, 512),
    "t5": (_T5, 512),
    "mt5": (_T5, 512),
    "umt5": (_T5, 512),
    "bloom": ({"hidden_size": 32, "n_layer": 2, "n_head": 2}, 512),
    "funnel": ({"d_model": 32, "n_head": 2, "d_head": 16, "d_inner": 64, "block_sizes": [1, 1]}, 512),
}
# Those that shorten sequences on their way.
WITHOUT_LAYERS = {"funnel"}
# Those whose layers are not PyTorch's, so that no adapter goes on them.
WITHOUT_ADAPTERS = {"ibert"}


def byte_tokenizer(special: bool = True) -> PreTrainedTokenizerFast:
    """A tokenizer of bytes and a few pieces that tells no longest text; decoders have none of the special tokens."""
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=names,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["Angela Merkel was in Bonn and Ulm ."] * 3, trainer)
    known = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    if special:
        backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
        known |= {"pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **known)


def save_model(folder: Path, kind: str, settings: dict, tokenizer: PreTrainedTokenizerFast | None) -> None:
    """A token classifier of a type; its encoder is loaded from the same folder."""
    torch.manual_seed(1)
    config = CONFIG_MAPPING[kind](
        vocab_size=len(tokenizer or byte_tokenizer()),
        pad_token_id=1,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
        **settings,
    )
    AutoModelForTokenClassification.from_config(config).save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
