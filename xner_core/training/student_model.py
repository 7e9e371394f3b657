"""The model that a student starts from, and the untrained student that is made of it."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from xner_core.models.heads import relabel
from xner_core.models.loading import (
    LABEL_ALL_TOKENS,
    encoder_folder,
    load_encoder,
    load_token_classifier,
    model_digest,
    new_token_classifier,
    tagger_folder,
)
from xner_core.training.features import TargetScheme
from xner_core.training.student_settings import StudentRecipe


def start_digest(recipe: StudentRecipe) -> str:
    """The digest of the model that the student starts from."""
    folder = tagger_folder(recipe.model) if recipe.start == "tagger" else encoder_folder(recipe.model)
    return model_digest(folder)


def load_start(recipe: StudentRecipe) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The model that the student starts from, and its tokenizer."""
    return load_token_classifier(recipe.model) if recipe.start == "tagger" else load_encoder(recipe.model)


def new_student(recipe: StudentRecipe, types: Sequence[str]) -> PreTrainedModel:
    """An untrained student: the encoder with a new head, or the tagger with its own head's rows where labels agree."""
    labels = TargetScheme(types).labels
    if recipe.start == "encoder":
        model = new_token_classifier(recipe.model, labels)
    else:
        model, _ = load_token_classifier(recipe.model)
        relabel(model, labels)
    setattr(model.config, LABEL_ALL_TOKENS, True)
    # A merged adapter leaves its encoder frozen.
    return model.requires_grad_(True)
