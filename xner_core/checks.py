"""What a job is asked to work with, looked at before Ray starts and hours are spent: aligners and gold files.

Nothing is loaded but settings and small files. All that is refused is bad input, with what to do about it. Taggers are
looked at by `tagging/checks.py`, and what is written by `outputs.py`.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from xner_core.alignment.aligner import AlignerSettings
from xner_core.alignment.recipe import TrainedRecipe
from xner_core.errors import XnerError
from xner_core.evaluation.gold import marked_types, read_sentences
from xner_core.evaluation.types import parse_types, scored_types
from xner_core.models.loading import encoder_folder


def check_aligner(settings: AlignerSettings) -> None:
    """
    Raises:
        XnerError: no such aligner or encoder, or an aligner's folder without its weights.
    """
    recipe = settings.recipe()
    if isinstance(recipe, TrainedRecipe) and not list(settings.folder.glob("*.safetensors")):
        raise XnerError(
            f"aligner {settings.model!r}: no *.safetensors in {settings.folder}; name 'starter', 'similarity', or the "
            "whole folder that train_aligner.py wrote"
        )
    encoder_folder(recipe.encoder)


def check_gold(
    name: str,
    path: str,
    language: str | None = None,
    types: str | None = None,
    found: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Checks a gold file, and that something of it can be scored.

    Args:
        name: of the setting that holds it
        path: the file
        language: which side of JSON lines is read
        types: entity types to score, separated by commas; all that it marks if none are given
        found: types that each model finds, by what it is called in messages

    Raises:
        XnerError: no such file, one of another format, or types that nobody finds or marks.
    """
    if Path(path).is_dir():
        raise XnerError(f"{name} {path}: is a folder; name a CoNLL file, or JSON lines (.jsonl)")
    wanted = parse_types(types, f"{name}_labels")
    scored_types(f"{name} {path}", marked_types(read_sentences(path, language)), found or {}, wanted)
