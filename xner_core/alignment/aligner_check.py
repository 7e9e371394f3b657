"""An aligner, looked at before hours are spent on it; nothing is loaded but its settings."""

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.recipe import TrainedRecipe
from xner_core.errors import XnerError
from xner_core.models.loading import encoder_folder


def check_aligner(settings: AlignerSettings) -> None:
    """Checks that an aligner and its encoder are there.

    Raises:
        XnerError: no such aligner or encoder, or an aligner's folder without its weights.
    """
    recipe = settings.recipe()
    if settings.folder and isinstance(recipe, TrainedRecipe) and not list(settings.folder.glob("*.safetensors")):
        raise XnerError(
            f"aligner {settings.model!r}: no *.safetensors in {settings.folder}; name 'starter', 'similarity', or the "
            "whole folder that xner train-aligner wrote"
        )
    encoder_folder(recipe.encoder)
