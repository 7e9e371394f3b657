"""Encoders and token classifiers by name: a Hugging Face name, a local folder, or `starter`.

Only safetensors weights are read, and no code that comes with a model is ever run.
"""

import warnings
from importlib.resources import files
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from peft import PeftConfig, PeftModel
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

from xner_core.errors import XnerError
from xner_core.hashing import digest, file_digest
from xner_core.models.starter import starter_encoder_folder

# Loading bars, reports of a new head's random weights, and warnings between libraries tell a user nothing to act on.
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")

STARTER = "starter"
# A model's setting: every token has a label, not the first one of each word alone.
LABEL_ALL_TOKENS = "label_all_tokens"
_ADAPTER_CONFIG = "adapter_config.json"
_FILES = ["*.json", "*.safetensors", "*.model", "*.txt"]


def encoder_folder(name: str) -> Path:
    """The local folder of an encoder; a Hugging Face name is downloaded first."""
    return starter_encoder_folder() if name == STARTER else _model_folder(name)


def tagger_folder(name: str) -> Path:
    """The local folder of a token classifier; `starter` is the adapter that ships with xner."""
    return Path(str(files("xner_core") / "starter" / "tagger")) if name == STARTER else _model_folder(name)


def _model_folder(name: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(name, allow_patterns=_FILES))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise XnerError(
                f"model {name!r} is not a local folder, and could not be had from the Hugging Face hub ({reason}); "
                "name a folder, a Hugging Face model, or 'starter'"
            ) from error
    if not list(folder.glob("*.safetensors")):
        raise XnerError(f"model {name!r}: no *.safetensors in {folder}; convert its weights to safetensors first")
    return folder


def load_encoder(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """An encoder without a head, float32, in evaluation mode, and its tokenizer."""
    folder = encoder_folder(name)
    model = AutoModel.from_pretrained(
        folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, **_no_pooler(folder)
    )
    return model.eval(), load_tokenizer(folder)


def _no_pooler(folder: Path) -> dict[str, bool]:
    model_type = AutoConfig.from_pretrained(folder, trust_remote_code=False).model_type
    return {"add_pooling_layer": False} if model_type in ("bert", "roberta", "xlm-roberta", "xlm-roberta-xl") else {}


def keep_lower_layers(encoder: PreTrainedModel, layers: int) -> None:
    """Drops the layers above the first `layers`, where the architecture lets that be done."""
    if stack := encoder_layers(encoder):
        encoder.encoder.layer = stack[:layers]
        encoder.config.num_hidden_layers = len(encoder.encoder.layer)


def encoder_layers(encoder: PreTrainedModel) -> torch.nn.ModuleList:
    """The layers of an encoder, lowest first; none where its architecture keeps them elsewhere than BERT's does."""
    stack = getattr(getattr(encoder, "encoder", None), "layer", None)
    return stack if isinstance(stack, torch.nn.ModuleList) else torch.nn.ModuleList()


def load_token_classifier(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A token classifier, float32, in evaluation mode, and its tokenizer; an adapter is merged into its encoder."""
    folder = tagger_folder(name)
    if not (folder / _ADAPTER_CONFIG).exists():
        model = AutoModelForTokenClassification.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
        return model.eval(), load_tokenizer(folder)
    encoder = encoder_folder(PeftConfig.from_pretrained(folder).base_model_name_or_path)
    labels = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    base = new_token_classifier(str(encoder), list(labels.id2label.values()))
    model = PeftModel.from_pretrained(base, folder).merge_and_unload()
    return model.eval(), load_tokenizer(encoder)


def new_token_classifier(encoder: str, labels: list[str]) -> PreTrainedModel:
    """An encoder with a new, random token classification head for these labels."""
    return AutoModelForTokenClassification.from_pretrained(
        encoder_folder(encoder),
        use_safetensors=True,
        trust_remote_code=False,
        dtype=torch.float32,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise XnerError(f"{folder}: xner needs a fast tokenizer (tokenizer.json), which maps tokens to characters")
    return tokenizer


def model_window(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    """The most tokens, special ones included, that the model reads at once."""
    positions = model.config.max_position_embeddings
    if "roberta" in model.config.model_type:
        # These number positions from padding id + 1.
        positions -= model.config.pad_token_id + 1
    return min(positions, tokenizer.model_max_length)


def model_digest(folder: Path) -> str:
    """The identity of a model: 32 hex digits over the names and contents of its weights, settings and vocabulary."""
    paths = sorted(path for pattern in _FILES for path in folder.glob(pattern))
    parts = [part.encode() for path in paths for part in (path.name, file_digest(path))]
    if (folder / _ADAPTER_CONFIG).exists():
        encoder = PeftConfig.from_pretrained(folder).base_model_name_or_path
        parts.append(model_digest(encoder_folder(encoder)).encode())
    return digest(parts).hex()
