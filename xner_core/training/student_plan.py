"""A student's training up to the point where it starts: its labels read through once, and all checked that can be."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from transformers import PreTrainedTokenizerFast

from xner_core.errors import XnerError
from xner_core.labels.label_files import LabelFile, count_rows, last_pair_of_sample
from xner_core.models.heads import head_labels
from xner_core.models.window_size import model_window
from xner_core.models.word_isolation import isolating_words
from xner_core.storage.files import Location
from xner_core.storage.tasks import InProcess, Tasks
from xner_core.text.languages import is_unspaced_language
from xner_core.training.annotations import LabelCounts
from xner_core.training.dev_set import read_dev
from xner_core.training.features import AnnotatedText
from xner_core.training.label_filter import COLUMNS, LabelFilter, TrainingFile
from xner_core.training.student_model import load_start
from xner_core.training.student_settings import StudentRecipe
from xner_core.training.vocabulary import StraddledTokens, without_tokens

logger = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class _Found:
    """What the labels hold: counts of what is trained on, and of its tokens; the texts that are held out."""

    counts: LabelCounts = field(default_factory=LabelCounts)
    straddled: StraddledTokens = field(default_factory=StraddledTokens)
    held_out: list[AnnotatedText] = field(default_factory=list)


def plan_training(
    recipe: StudentRecipe,
    files: Sequence[LabelFile],
    votes: Mapping[str, Location] | None = None,
    tasks: Tasks | None = None,
) -> TrainingPlan:
    """Reads the labels through once, and checks all that can be checked before training.

    Args:
        recipe: how the student is trained
        files: its labels
        votes: of the corpus on each of them, by their names; none if these are not to decide
        tasks: where the files are read; in this process without it

    Raises:
        XnerError: labels without a sentence, or without an entity to learn; a dev set with types that the student
            does not learn, or none of those that it does; a model or file that cannot be read.
    """
    sampled, label_filter = _sample(recipe, files)
    votes = votes or {}
    training_files = [TrainingFile(file.location, votes.get(file.name)) for file in files]
    model, tokenizer = load_start(recipe)
    window, tokenizer = model_window(model, tokenizer), isolating_words(tokenizer)
    tokenizer.model_max_length = window  # Others than xner cut long texts by it.
    found = _read_through(recipe, files, training_files, label_filter, tokenizer, tasks or InProcess())
    types = _learnt_types(recipe, files, found.counts, head_labels(model.config).values())
    return TrainingPlan(
        recipe=recipe,
        files=list(files),
        training_files=training_files,
        # What is counted above does not change with how texts are written.
        filter=replace(label_filter, augmentation=recipe.augmentation, seed=recipe.seed),
        counts=found.counts,
        failed=sampled - found.counts.sentences - len(found.held_out),
        types=sorted(types),
        dev=_dev(recipe, types, found.held_out),
        window=window,
        tokenizer=_split(recipe, found.straddled, tokenizer),
    )


def _sample(recipe: StudentRecipe, files: Sequence[LabelFile]) -> tuple[int, LabelFilter]:
    """How many pairs the student takes of the labels, and which; texts are not yet written otherwise."""
    rows = sum(count_rows(files, COLUMNS))
    last_pair = last_pair_of_sample(files, recipe.pairs) if recipe.pairs else None
    sampled = recipe.pairs if recipe.pairs and last_pair else rows
    held_out = 0.0 if recipe.dev or not rows else min(recipe.held_out, sampled / 10) / sampled
    return sampled, LabelFilter(recipe.trust, held_out, last_pair)


def _read_through(
    recipe: StudentRecipe,
    files: Sequence[LabelFile],
    training_files: Sequence[TrainingFile],
    label_filter: LabelFilter,
    tokenizer: PreTrainedTokenizerFast,
    tasks: Tasks,
) -> _Found:
    unspaced = [recipe.straddled is not None and is_unspaced_language(file.language) for file in files]
    read = partial(_read_file, label_filter=label_filter, tokenizer=tokenizer if any(unspaced) else None)
    found = _Found()
    for own in tasks.map(read, zip(training_files, unspaced, strict=True)):
        found.counts.add(own.counts)
        found.straddled.add(own.straddled)
        found.held_out.extend(own.held_out)
    return found


def _read_file(
    file: tuple[TrainingFile, bool], label_filter: LabelFilter, tokenizer: PreTrainedTokenizerFast | None
) -> _Found:
    """What one file holds.

    Args:
        file: labels, and whether their language is written without spaces
        label_filter: what is taken of them
        tokenizer: of the model; needed for such a language alone
    """
    labels, unspaced = file
    training, held_out = label_filter.annotations(labels)
    straddled = StraddledTokens.of(tokenizer, training) if unspaced and tokenizer else StraddledTokens()
    return _Found(LabelCounts.of(training), straddled, list(held_out))


def _learnt_types(
    recipe: StudentRecipe, files: Sequence[LabelFile], counts: LabelCounts, start_labels: Collection[str]
) -> list[str]:
    """The entity types to learn.

    Args:
        recipe: how the student is trained
        files: its labels
        counts: what these hold
        start_labels: of the model that it starts from

    Raises:
        XnerError: there is no sentence, or no entity of these types.
    """
    where = ", ".join(sorted({file.fingerprint for file in files}))
    if not counts.sentences:
        raise XnerError(f"labels {where}: no sentence to train on in {len(files)} files; is the partition empty?")
    types = recipe.types or default_types(start_labels if recipe.start == "tagger" else [], counts)
    learnt = sum(count for type_, count in counts.entities.items() if type_ in types)
    if not learnt:
        raise XnerError(
            f"labels {where}: no entity of the types {', '.join(types) or '(none)'} in {counts.sentences} sentences; "
            f"they hold {dict(counts.entities) or 'no entities'} and {counts.masked} of too little confidence"
        )
    if masked := counts.entities.total() - learnt:
        logger.warning("%d entities of types other than %s are masked", masked, ", ".join(types))
    return types


def default_types(tagger_labels: Collection[str], counts: LabelCounts) -> list[str]:
    """A tagger's types where they cover those of the labels, otherwise the types of the labels."""
    types = {label[2:] for label in tagger_labels if label[:2] in ("B-", "I-")}
    return sorted(types if types >= set(counts.types) else counts.types)


def _dev(recipe: StudentRecipe, types: Sequence[str], held_out: list[AnnotatedText]) -> list[AnnotatedText]:
    """The texts that decide which checkpoint is kept: of the dev file, or those held out.

    Raises:
        XnerError: none of them holds an entity, or the file does not fit the types.
    """
    dev = read_dev(recipe.dev, types, strict=recipe.types is None) if recipe.dev else held_out
    if not any(text.entities for text in dev):
        raise XnerError(f"the {len(dev)} pairs held out hold no entity; name a dev file, or raise held_out")
    return dev


def _split(
    recipe: StudentRecipe, straddled: StraddledTokens, tokenizer: PreTrainedTokenizerFast
) -> PreTrainedTokenizerFast:
    """The tokenizer, without the tokens that too many entities begin or end in."""
    split = set() if recipe.straddled is None else straddled.ids(tokenizer, recipe.straddled)
    if split:
        logger.info("%d tokens that entities begin or end in are split", len(split))
    return without_tokens(tokenizer, split)
