"""Trains a tagger on annotated English text, whole or as a low-rank adapter (LoRA, arXiv:2106.09685)."""

import logging
import random
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, TaskType
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import EarlyStoppingCallback, set_seed
from transformers.trainer_utils import get_last_checkpoint

from xner_core.errors import XnerError
from xner_core.evaluation.conll import TaggedSentence, read_conll
from xner_core.evaluation.entity_types import did_you_mean
from xner_core.models.adapters import add_adapter
from xner_core.models.devices import local_device
from xner_core.models.folders import output_folder
from xner_core.models.loading import encoder_folder, load_tokenizer, new_token_classifier
from xner_core.models.units import WordTokeniser
from xner_core.models.window_size import model_window
from xner_core.storage.outputs import require_folder
from xner_core.text.spans import entities_of_tags, join_tokens
from xner_core.training.features import AnnotatedText, FeatureEncoder, Features, TargetScheme, collate
from xner_core.training.spacing import natural_spacing
from xner_core.training.tagger_training_settings import TaggerTrainingSettings
from xner_core.training.trainer import TokenTrainer, count_steps, freeze, train, training_arguments

logger = logging.getLogger(__name__)


def train_tagger(settings: TaggerTrainingSettings) -> dict[str, Any]:
    """Trains a tagger; returns its dev scores."""
    require_folder("out", settings.out)
    with output_folder(settings.out, "config.json") as out:
        return _train(settings, out)


def _train(settings: TaggerTrainingSettings, out: Path) -> dict[str, Any]:
    set_seed(settings.seed)
    scheme = TargetScheme(settings.types)
    chance = random.Random(settings.seed)
    texts = [text for path in settings.train for text in annotated_texts(path, scheme, settings.detokenised, chance)]
    dev_texts = annotated_texts(settings.dev, scheme, 0.0, chance)

    model = new_token_classifier(settings.encoder, scheme.labels)
    tokenizer = load_tokenizer(encoder_folder(settings.encoder))
    encode = FeatureEncoder(WordTokeniser(tokenizer, model_window(model, tokenizer)), scheme)
    if settings.adapter_rank:
        model = add_adapter(model, _adapter(settings))
    else:
        freeze(model, settings.optimisation)
    logger.info("%d training and %d dev sentences, types %s", len(texts), len(dev_texts), " ".join(scheme.types))

    checkpoints = out / "checkpoints"
    trainer = TokenTrainer(
        model,
        training_arguments(
            settings.optimisation,
            str(checkpoints),
            count_steps(len(texts), settings.optimisation),
            settings.seed,
            use_cpu=local_device(settings.device) == "cpu",
            train_sampling_strategy="group_by_length",
        ),
        train_dataset=_flat(encode(texts)),
        eval_dataset=_flat(encode(dev_texts)),
        data_collator=partial(collate, padding=tokenizer.pad_token_id),
        scheme=scheme,
        loss=settings.loss,
    )
    if settings.optimisation.patience:
        trainer.add_callback(EarlyStoppingCallback(settings.optimisation.patience))
    # A training that was interrupted goes on from its last checkpoint.
    train(trainer, get_last_checkpoint(checkpoints) if checkpoints.is_dir() else None)
    scores = trainer.evaluate()
    if isinstance(model, PeftModel):
        save_adapter(model, settings.encoder, out)
    else:
        model.save_pretrained(str(out))
        tokenizer.save_pretrained(out)
    shutil.rmtree(checkpoints)
    dev = {name: scores[f"eval_{name}"] for name in ("precision", "recall", "f1")}
    logger.info("dev F1 %.4f; tagger in %s", dev["f1"], settings.out)
    return {"status": "done", "tagger": settings.out, "train_sentences": len(texts), "dev": dev}


def annotated_texts(path: str, scheme: TargetScheme, detokenised: float, chance: random.Random) -> list[AnnotatedText]:
    """The sentences of a CoNLL file, of which a share is given natural spacing."""
    sentences = read_conll(path)
    marked = {tag[2:] for sentence in sentences for tag in sentence.tags if tag != "O"}
    others = sorted(marked - set(scheme.types))
    meant = did_you_mean(others, scheme.types)
    if not marked & set(scheme.types):
        raise XnerError(
            f"{path}: marks none of the types {', '.join(scheme.types)}, only {', '.join(others) or 'O'}{meant}"
        )
    if others:
        logger.warning("%s: marks %s, which are not learnt but taken as O%s", path, ", ".join(others), meant)
    missed = frozenset(scheme.types) - marked
    return [
        _annotated(sentence.of_types(scheme.types), missed, chance.random() < detokenised) for sentence in sentences
    ]


def _annotated(sentence: TaggedSentence, missed: frozenset[str], detokenise: bool) -> AnnotatedText:
    text, spans = (natural_spacing if detokenise else join_tokens)(sentence.tokens)
    return AnnotatedText(text, entities_of_tags(sentence.tags, spans), missed=missed)


def _flat(windows: list[list[Features]]) -> list[Features]:
    return [features for text in windows for features in text]


def _adapter(settings: TaggerTrainingSettings) -> LoraConfig:
    return LoraConfig(
        task_type=TaskType.TOKEN_CLS,
        r=settings.adapter_rank,
        lora_alpha=2 * settings.adapter_rank,
        lora_dropout=0.05,
        target_modules=["query", "key", "value", "dense"],
        modules_to_save=["classifier"],
    )


def save_adapter(model: PeftModel, encoder: str, out: Path) -> None:
    """Saves an adapter in half precision, with the labels and the encoder's name."""
    out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.half().contiguous() for name, tensor in get_peft_model_state_dict(model).items()}
    save_file(state, out / "adapter_model.safetensors", metadata={"format": "pt"})
    adapter = model.peft_config["default"]
    adapter.base_model_name_or_path = encoder
    adapter.inference_mode = True
    adapter.save_pretrained(str(out))
    model.config.save_pretrained(out)
