"""Encoders and token classifiers by name: a Hugging Face name, a folder, local or s3://, or `starter`.

A Hugging Face name may have a revision, `name@revision`, as that of a model that was pinned has its commit.

Only safetensors weights are read, and no code that comes with a model is ever run.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

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
from xner_core.models.devices import is_device_failure, is_out_of_memory
from xner_core.models.folders import MODEL_FILES, local_folder
from xner_core.models.heads import head_labels
from xner_core.models.model_settings import STARTER
from xner_core.models.starter_encoder import starter_encoder_folder
from xner_core.storage.hashing import digest, file_digest

# Loading bars, reports of a new head's random weights, and warnings between libraries tell a user nothing to act on.
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")

ADAPTER_CONFIG = "adapter_config.json"
_VOCABULARIES = ["tokenizer.json", "*.model", "vocab.*", "merges.txt"]
# A model's setting: every token has a label, not the first one of each word alone.
LABEL_ALL_TOKENS = "label_all_tokens"


def encoder_folder(name: str) -> Path:
    """The local folder of an encoder; one of a hub or an object store is downloaded first."""
    return starter_encoder_folder() if name == STARTER else _model_folder(name)


def tagger_folder(name: str) -> Path:
    """The local folder of a token classifier; `starter` is the adapter that ships with xner."""
    return Path(str(files("xner_core") / "starter" / "tagger")) if name == STARTER else _model_folder(name)


def _model_folder(name: str) -> Path:
    folder = local_folder(name)
    if not folder.is_dir():
        hub_name, _, revision = name.partition("@")
        try:
            folder = Path(snapshot_download(hub_name, revision=revision or None, allow_patterns=MODEL_FILES))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise XnerError(
                f"model {name!r} is not a local folder, and could not be had from the Hugging Face hub ({reason}); "
                "name a folder, a Hugging Face model, or 'starter'"
            ) from error
    if not list(folder.glob("*.safetensors")):
        raise XnerError(f"model {name!r}: no *.safetensors in {folder}; convert its weights to safetensors first")
    return folder


def pinned(name: str) -> str:
    """The name under which every process gets the same model as this one: that of a hub with its commit.

    A folder keeps its name: what is in it says its digest.
    """
    if name == STARTER or "://" in name or Path(name).is_dir():
        return name
    # A hub's files lie in a folder that is called by their commit.
    return f"{name.partition('@')[0]}@{_model_folder(name).name}"


@contextmanager
def _loading(part: str, folder: Path) -> Iterator[None]:
    """Names the folder that something cannot be loaded from, whatever the libraries raise.

    Raises:
        XnerError: it cannot.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, XnerError) or is_out_of_memory(error) or is_device_failure(error):
            raise
        reason = (str(error).strip().splitlines() or [""])[0]
        raise XnerError(
            f"{folder}: no {part} can be loaded from here ({type(error).__name__}: {reason}); see that all files of "
            "the model are there, and that transformers knows its kind"
        ) from error


def load_encoder(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """An encoder without a head, float32, in evaluation mode, and its tokenizer; of a model with a decoder, that alone.

    Raises:
        XnerError: there is no such encoder, or it has no tokenizer that can be used.
    """
    folder = encoder_folder(name)
    with _loading("encoder", folder):
        model = AutoModel.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, **_no_pooler(folder)
        )
        # The settings of a token classifier made of such an encoder say that there is no decoder.
        if isinstance(getattr(model, "decoder", None), PreTrainedModel):
            model = model.get_encoder()
    return model.eval(), load_tokenizer(folder)


def _no_pooler(folder: Path) -> dict[str, bool]:
    model_type = AutoConfig.from_pretrained(folder, trust_remote_code=False).model_type
    return {"add_pooling_layer": False} if model_type in ("bert", "roberta", "xlm-roberta", "xlm-roberta-xl") else {}


def keep_lower_layers(encoder: PreTrainedModel, layers: int) -> None:
    """Drops the layers above the first `layers`, where the architecture lets that be done."""
    if stack := encoder_layers(encoder):
        holder: Any = encoder.encoder
        holder.layer = stack[:layers]
        encoder.config.num_hidden_layers = len(holder.layer)


def encoder_layers(encoder: torch.nn.Module) -> torch.nn.ModuleList:
    """The layers of an encoder, lowest first; none where its architecture keeps them elsewhere than BERT's does."""
    stack = getattr(getattr(encoder, "encoder", None), "layer", None)
    return stack if isinstance(stack, torch.nn.ModuleList) else torch.nn.ModuleList()


def load_token_classifier(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A token classifier, float32, in evaluation mode, and its tokenizer; an adapter is merged into its encoder.

    Raises:
        XnerError: there is no such model, it is no token classifier, or it has no tokenizer that can be used.
    """
    folder = tagger_folder(name)
    if not (folder / ADAPTER_CONFIG).exists():
        with _loading("token classifier", folder):
            model, found = AutoModelForTokenClassification.from_pretrained(
                folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
            )
        head = sorted(key for key in found["missing_keys"] if not key.startswith(f"{model.base_model_prefix}."))
        if head:
            raise XnerError(
                f"{folder}: no token classifier, for it has no weights for {', '.join(head)}; name one, or train one "
                "on this encoder with xner train-tagger"
            )
        return model.eval(), load_tokenizer(folder)
    with _loading("adapter", folder):
        encoder = _adapted_encoder(folder)
        labels = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        base = new_token_classifier(str(encoder), list(head_labels(labels).values()))
        model = PeftModel.from_pretrained(base, folder).merge_and_unload()
    return model.eval(), load_tokenizer(encoder)


def _adapted_encoder(folder: Path) -> Path:
    """The folder of the encoder of an adapter, which may name a revision of it."""
    adapter = PeftConfig.from_pretrained(str(folder))
    revision = f"@{adapter.revision}" if adapter.revision else ""
    return encoder_folder(f"{adapter.base_model_name_or_path}{revision}")


def new_token_classifier(encoder: str, labels: list[str]) -> PreTrainedModel:
    """An encoder with a new, random token classification head for these labels.

    Raises:
        XnerError: there is no such encoder, or none of its kind classifies tokens.
    """
    folder = encoder_folder(encoder)
    with _loading("token classifier", folder):
        model, found = AutoModelForTokenClassification.from_pretrained(
            folder,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
            # A head for other labels may be there, which a new one takes the place of.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    wrong = sorted(key for key, *_ in found["mismatched_keys"] if key.startswith(f"{model.base_model_prefix}."))
    if wrong:
        raise XnerError(f"{folder}: its weights {', '.join(wrong)} are not of the sizes that its config.json says")
    return model


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a model; it has a padding token.

    Raises:
        XnerError: there is none, or none that maps tokens to characters.
    """
    if not any(next(folder.glob(pattern), None) for pattern in _VOCABULARIES):
        # transformers would make one up that knows no word.
        raise XnerError(f"{folder}: no tokenizer here; save the model's tokenizer into the same folder")
    with _loading("tokenizer", folder):
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise XnerError(
            f"{folder}: xner needs a fast tokenizer (tokenizer.json), which maps tokens to characters, and "
            f"{type(tokenizer).__name__} is none; name another model"
        )
    if tokenizer.pad_token_id is None:
        # Decoders have none. What is padded is masked, so any token will do.
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def model_digest(folder: Path) -> str:
    """The identity of a model: 32 hex digits over the names and contents of its weights, settings and vocabulary."""
    paths = sorted(path for pattern in MODEL_FILES for path in folder.glob(pattern))
    parts = [part.encode() for path in paths for part in (path.name, file_digest(path))]
    if (folder / ADAPTER_CONFIG).exists():
        parts.append(model_digest(_adapted_encoder(folder)).encode())
    return digest(parts).hex()
