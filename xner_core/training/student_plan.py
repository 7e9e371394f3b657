"""A student's training up to the point where it starts: its settings, its data, its model; nothing here knows Ray."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from xner_core.errors import XnerError
from xner_core.evaluation.entity_types import did_you_mean
from xner_core.evaluation.gold import read_sentences
from xner_core.labels.label_files import LabelFile, count_rows, last_pair_of_sample
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
from xner_core.models.window_size import model_window
from xner_core.models.windows import overlap
from xner_core.models.word_isolation import isolating_words
from xner_core.storage.files import Location
from xner_core.storage.hashing import file_digest, fingerprint
from xner_core.text.languages import is_unspaced_language
from xner_core.training.features import AnnotatedText, TargetScheme
from xner_core.training.label_filter import COLUMNS, LabelCounts, LabelFilter, TrainingFile
from xner_core.training.student_settings import StudentRecipe
from xner_core.training.vocabulary import StraddledTokens, without_tokens

logger = logging.getLogger(__name__)

# Raised whenever the same labels and settings would train another student.
VERSION = 5


@dataclass(frozen=True)
class TrainingPlan:
    """All that determines a student, checked.

    Attributes:
        recipe: how it is trained
        files: its labels
        training_files: these, with the votes on them
        filter: what is taken from them
        counts: what they hold after that
        failed: pairs left out because a stage of their projection failed
        types: entity types to learn
        dev: texts that decide which checkpoint is kept
        window: tokens that the model reads at once
        tokenizer: of the model, whose tokens keep within words, and some of which are split
    """

    recipe: StudentRecipe
    files: list[LabelFile]
    training_files: list[TrainingFile]
    filter: LabelFilter
    counts: LabelCounts
    failed: int
    types: list[str]
    dev: list[AnnotatedText]
    window: int
    tokenizer: PreTrainedTokenizerFast


def identity(
    recipe: StudentRecipe, files: Sequence[LabelFile], votes: Mapping[str, Location] | None = None
) -> dict[str, Any]:
    """All that determines a student, as plain JSON values: the content of its labels, dev set and model; the recipe."""
    values = recipe.determining()
    values |= {"model": start_digest(recipe), "dev": file_digest(_dev_file(recipe.dev)) if recipe.dev else None}
    return {
        "version": VERSION,
        "labels": fingerprint(files=[file.name for file in files]),
        "votes": fingerprint(files=[str(votes[file.name]) for file in files]) if votes else None,
    } | values


def start_digest(recipe: StudentRecipe) -> str:
    """The digest of the model that the student starts from."""
    folder = tagger_folder(recipe.model) if recipe.start == "tagger" else encoder_folder(recipe.model)
    return model_digest(folder)


def _dev_file(dev: str) -> Path:
    if not Path(dev).is_file():
        raise XnerError(f"dev {dev}: no such file")
    return Path(dev)


def plan_training(
    recipe: StudentRecipe, files: Sequence[LabelFile], votes: Mapping[str, Location] | None = None
) -> TrainingPlan:
    """Reads the labels through once, and checks all that can be checked before training.

    Args:
        recipe: how the student is trained
        files: its labels
        votes: of the corpus on each of them, by their names; none if these are not to decide

    Raises:
        XnerError: labels without a sentence, or without an entity to learn; a dev set with types that the student
            does not learn, or none of those that it does; a model or file that cannot be read.
    """
    rows = sum(count_rows(file, COLUMNS) for file in files)
    last_pair = last_pair_of_sample(files, recipe.pairs) if recipe.pairs else None
    sampled = recipe.pairs if last_pair else rows
    held_out = 0.0 if recipe.dev or not rows else min(recipe.held_out, sampled / 10) / sampled
    label_filter = LabelFilter(recipe.trust, held_out, last_pair)
    votes = votes or {}
    training_files = [TrainingFile(file.location, votes.get(file.name)) for file in files]
    model, tokenizer = load_start(recipe)
    window, tokenizer = model_window(model, tokenizer), isolating_words(tokenizer)
    tokenizer.model_max_length = window  # Others than xner cut long texts by it.
    counts, straddled, scored = LabelCounts(), StraddledTokens(tokenizer), []
    for file, training_file in zip(files, training_files, strict=True):
        texts = list(label_filter.training(training_file))
        counts.add(texts)
        if recipe.straddled is not None and is_unspaced_language(file.language):
            straddled.add(texts)
        scored += label_filter.scoring(training_file)
    where = ", ".join(sorted({file.fingerprint for file in files}))
    if not counts.sentences:
        raise XnerError(f"labels {where}: no sentence to train on in {len(files)} files; is the partition empty?")

    types = recipe.types or default_types(model.config.id2label.values() if recipe.start == "tagger" else [], counts)
    learnt = {type_: count for type_, count in counts.entities.items() if type_ in types}
    if not learnt:
        raise XnerError(
            f"labels {where}: no entity of the types {', '.join(types) or '(none)'} in {counts.sentences} sentences; "
            f"they hold {dict(counts.entities) or 'no entities'} and {counts.masked} of too little confidence"
        )
    dev = read_dev(recipe.dev, types, strict=recipe.types is None) if recipe.dev else scored
    if not any(text.entities for text in dev):
        raise XnerError(f"the {len(dev)} pairs held out hold no entity; name a dev file, or raise held_out")
    if masked := sum(counts.entities.values()) - sum(learnt.values()):
        logger.warning("%d entities of types other than %s are masked", masked, ", ".join(types))
    split = set() if recipe.straddled is None else straddled.ids(recipe.straddled)
    if split:
        logger.info("%d tokens that entities begin or end in are split", len(split))
    return TrainingPlan(
        recipe,
        list(files),
        training_files,
        # What is counted above does not change with how texts are written.
        replace(label_filter, augmentation=recipe.augmentation, seed=recipe.seed),
        counts,
        sampled - counts.sentences - len(scored),
        sorted(types),
        dev,
        window,
        without_tokens(tokenizer, split),
    )


def default_types(tagger_labels: Collection[str], counts: LabelCounts) -> list[str]:
    """A tagger's types where they cover those of the labels, otherwise the types of the labels."""
    types = {label[2:] for label in tagger_labels if label[:2] in ("B-", "I-")}
    return sorted(types if types >= set(counts.types) else counts.types)


def read_dev(path: str, types: Sequence[str], strict: bool) -> list[AnnotatedText]:
    """The sentences of a CoNLL file of the target language; types that it never marks are left open.

    Args:
        path: the file
        types: entity types to keep
        strict: refuse other types, rather than take them as O

    Raises:
        XnerError: the file marks another type although `strict`, or none of the types.
    """
    sentences = read_sentences(path)
    marked = {tag[2:] for sentence in sentences for tag in sentence.tags if tag != "O"}
    unknown = sorted(marked - set(types))
    if strict and unknown:
        raise XnerError(
            f"{path}: marks {', '.join(unknown)}, which the student does not learn; set types to "
            f"{','.join(sorted(types))} to take other types as O, or to more types{did_you_mean(unknown, types)}"
        )
    if not marked & set(types):
        raise XnerError(
            f"{path}: marks none of the types {', '.join(types)}, only {', '.join(unknown) or 'O'}"
            f"{did_you_mean(unknown, types)}"
        )
    missed = frozenset(types) - marked
    return [AnnotatedText(sentence.text, sentence.of_types(types).entities(), missed=missed) for sentence in sentences]


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


def model_card(plan: TrainingPlan, result: dict[str, Any]) -> str:
    """The README of a student: its labels by fingerprint, its settings, and its scores."""
    recipe, dev = plan.recipe, result["dev"]
    languages = sorted({file.language for file in plan.files})
    labels = sorted({file.fingerprint for file in plan.files})
    domains = sorted({file.domain for file in plan.files})
    settings = {name: value for name, value in asdict(recipe).items() if name not in ("dev", "model", "types")}
    model = Path(recipe.model).name if Path(recipe.model).is_dir() else recipe.model
    types = ", ".join(f"{type_} {count}" for type_, count in result["entities"].items())
    still_open = ", ".join(f"{type_} {count}" for type_, count in result["open"].items()) or "none"
    scored = Path(recipe.dev).name if recipe.dev else "held-out pairs with projected labels"
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            "pipeline_tag: token-classification",
            "language:",
            *(f"- {language}" for language in languages),
            "---",
            "",
            f"# Named entity recognition for {', '.join(languages)}: {', '.join(plan.types)}",
            "",
            "Trained by xner on labels that were projected over parallel text, without human labels of its language.",
            "Every token has a label; the stride is for texts of more tokens than the model reads at once:",
            '`pipeline("token-classification", model=…, aggregation_strategy="simple", '
            f"stride={overlap(plan.window)})`.",
            "",
            f"- Labels: {', '.join(f'`{label}`' for label in labels)} (domains {', '.join(domains)})",
            f"- Started from: {recipe.start} `{model}`",
            f"- Sentences: {result['train_sentences']}",
            f"- Entities: {types}; masked for too little confidence: {result['masked']}",
            f"- Sentences in which a projection failed, so that O is not sure there: {still_open}",
            f"- Steps: {result['steps']}, the best of them by F1 kept",
            "",
            f"## Scores on {len(plan.dev)} sentences: {scored}",
            "",
            "Strict entity-level scores (IOB2, seqeval).",
            "",
            "| | precision | recall | F1 | entities |",
            "|---|---|---|---|---|",
            *(_score_row(name, row) for name, row in [*dev["per_type"].items(), ("all", dev)]),
            "",
            "## Settings",
            "",
            "```yaml",
            *_yaml(settings),
            "```",
            "",
        ]
    )


def _score_row(name: str, row: dict[str, Any]) -> str:
    return f"| {name} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} | {row.get('support', '')} |"


def _yaml(values: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_yaml(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {value}")
    return lines
