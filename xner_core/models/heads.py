"""The head of a token classifier, and other labels for it."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from xner_core.errors import XnerError

logger = logging.getLogger(__name__)

# BERT's, for configurations that do not tell theirs.
_INITIALIZER_RANGE = 0.02


def head_labels(config: PreTrainedConfig) -> dict[int, str]:
    """The labels of a token classifier, by the index of their output."""
    labels: Any = config.id2label
    return labels or {}


def relabel(model: PreTrainedModel, labels: Sequence[str]) -> None:
    """Gives a token classifier these labels, in this order; those that it has keep their weights.

    Raises:
        XnerError: its head is no linear layer.
    """
    old = {label: index for index, label in head_labels(model.config).items()}
    # `classifier` in most, `score` in decoders.
    heads = {name: getattr(model, name, None) for name in ("classifier", "score")}
    name, head = next(((name, head) for name, head in heads.items() if isinstance(head, torch.nn.Linear)), ("", None))
    if head is None:
        raise XnerError(
            f"{model.name_or_path}: the head of a model of type {model.config.model_type!r} cannot be given other "
            "labels; start from a tagger of another kind, or from its encoder (start: encoder)"
        )
    new_head = torch.nn.Linear(head.in_features, len(labels), bias=head.bias is not None)
    torch.nn.init.normal_(new_head.weight, std=getattr(model.config, "initializer_range", _INITIALIZER_RANGE))
    if new_head.bias is not None:
        torch.nn.init.zeros_(new_head.bias)
    kept = [(row, old[label]) for row, label in enumerate(labels) if label in old]
    with torch.no_grad():
        for row, old_row in kept:
            new_head.weight[row] = head.weight[old_row]
            if new_head.bias is not None:
                new_head.bias[row] = head.bias[old_row]
    setattr(model, name, new_head)
    # Modules take any attribute.
    model.num_labels = len(labels)  # pyrefly: ignore[bad-argument-type]
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: index for index, label in enumerate(labels)}
    logger.info("%d of %d labels start from the tagger's", len(kept), len(labels))
