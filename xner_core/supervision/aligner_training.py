"""Trains an aligner on links that weak signals agree on, and on those that it then finds itself."""

import logging
import random
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.utils.data import Dataset
from transformers import Trainer, set_seed
from transformers.trainer_utils import get_last_checkpoint

from xner_core.alignment.confidence import OddsCalibration
from xner_core.alignment.pair_rows import PairBatch, PairRow, PairTokeniser, collate_rows
from xner_core.alignment.preparation import word_range
from xner_core.alignment.query import AlignmentQuery
from xner_core.alignment.recipe import ALIGNER_FILE, TrainedRecipe, read_evidence, read_recipe, write_recipe
from xner_core.alignment.scorers import PairScorer
from xner_core.alignment.segments import LONGEST
from xner_core.alignment.trained import TrainedAligner, log_odds, new_scorer, restore_scorer, save_scorer
from xner_core.errors import XnerError
from xner_core.models.batching import token_batches
from xner_core.models.devices import local_device
from xner_core.models.folders import output_folder
from xner_core.models.precision import is_bfloat16
from xner_core.storage.files import locate
from xner_core.storage.outputs import require_folder
from xner_core.supervision.aligner_training_settings import AlignerTrainingSettings
from xner_core.supervision.examples import Example, read_examples
from xner_core.supervision.link_augmentation import NamePool, mismatch, remove_name, reverse, swap_names
from xner_core.supervision.phrases import PHRASE
from xner_core.training.trainer import OneDeviceArguments, TrimMemory, train

logger = logging.getLogger(__name__)

SELF_TRAINING = "self-training"
# Shares of the examples that are altered in a pass.
_SWAPPED, _REMOVED, _MISMATCHED, _REVERSED = 0.3, 0.2, 0.05, 0.2
# A link that the aligner finds from both sides is believed from this confidence on.
_RELABELLED = 0.8
# One example in so many is held out.
_HELD_OUT = 40
_CHECKPOINTS = 4


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A row with its answers.

    Attributes:
        row: what the encoder reads
        words: first and last target word of each entity's span, -1 if there is none, [entities, 2]
        weight: of each entity's loss, [entities]
    """

    row: PairRow
    words: np.ndarray
    weight: np.ndarray


def training_rows(tokeniser: PairTokeniser, examples: Sequence[Example]) -> list[TrainingRow]:
    """The rows of the examples' agreed links; pairs that are too long for one window are left out."""
    sources = tokeniser.tokenise([example.source_text for example in examples])
    targets = tokeniser.tokenise([example.target_text for example in examples])
    found = []
    for example, source, target in zip(examples, sources, targets, strict=True):
        links = [link for link in example.links if link.agreed]
        asked = np.array([word_range(source.words, link.source) for link in links], dtype=np.int64).reshape(-1, 2)
        answers = np.array(
            [word_range(target.words, link.target) if link.target else (0, 0) for link in links], dtype=np.int64
        ).reshape(-1, 2) - [0, 1]
        answers[answers[:, 1] < answers[:, 0]] = -1
        usable = (asked[:, 0] < asked[:, 1]) & (answers[:, 1] - answers[:, 0] < LONGEST)
        usable &= (answers[:, 0] >= 0) | np.array([link.target is None for link in links], dtype=bool)
        if not usable.any() or not len(target.words):
            continue
        weight = np.array([link.confidence for link in links], dtype=np.float32)
        rows = tokeniser.rows(source, target, np.flatnonzero(usable), asked[usable])
        if all(len(row.word_tokens) == len(target.words) for row in rows):
            found.extend(TrainingRow(row, answers[row.entities], weight[row.entities]) for row in rows)
    return found


class BatchedRows(Dataset):
    """As many batches of rows under a token budget as there are steps; each pass over the examples alters them anew."""

    def __init__(self, tokeniser: PairTokeniser, examples: Sequence[Example], steps: int, budget: int, seed: int):
        self._batches: list[list[TrainingRow]] = []
        chance = random.Random(seed)
        while len(self._batches) < steps:
            rows = training_rows(tokeniser, augmented(examples, chance))
            if not rows:
                raise XnerError("no example has a link that signals agree on; make more examples, or of other corpora")
            batches = [[rows[i] for i in batch] for batch in token_batches([len(row.row.ids) for row in rows], budget)]
            chance.shuffle(batches)
            self._batches.extend(batches)
        del self._batches[steps:]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, place: int) -> list[TrainingRow]:
        return self._batches[place]


def augmented(examples: Sequence[Example], chance: random.Random) -> list[Example]:
    """Each example as it is, or altered: with other names, without one, of another pair, the sides exchanged."""
    pool = NamePool(examples)
    by_language = defaultdict(list)
    for example in examples:
        by_language[example.language].append(example)
    altered = []
    for example in examples:
        if chance.random() < _SWAPPED:
            example = swap_names(example, pool, chance) or example
        draw = chance.random()
        if draw < _REMOVED:
            example = remove_name(example, chance) or example
        elif draw < _REMOVED + _MISMATCHED:
            example = mismatch(example, by_language[example.language], chance) or example
        elif draw < _REMOVED + _MISMATCHED + _REVERSED:
            example = reverse(example) or example
        altered.append(example)
    return altered


class ScorerTrainer(Trainer):
    """Trains a scorer; its checkpoints hold the weights that are trained, and no others."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        batch: PairBatch = inputs["batch"].to(self.args.device)
        losses = model.loss(batch, *inputs["words"].unbind(dim=1))
        return (losses * inputs["weight"]).sum() / inputs["weight"].sum()

    def _save(self, output_dir: str | None = None, state_dict=None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        trained = {name: value.detach() for name, value in self.model.named_parameters() if value.requires_grad}
        save_file(trained, folder / "model.safetensors")


class _Collator:
    def __init__(self, padding: int):
        self._padding = padding

    def __call__(self, items: list[list[TrainingRow]]) -> dict[str, Any]:
        (rows,) = items
        return {
            "batch": collate_rows([row.row for row in rows], self._padding),
            "words": torch.from_numpy(np.concatenate([row.words for row in rows])),
            "weight": torch.from_numpy(np.concatenate([row.weight for row in rows])),
        }


def train_aligner(settings: AlignerTrainingSettings) -> dict[str, Any]:
    """Trains an aligner, in rounds; returns what it was trained on, and its figures on held-out links."""
    require_folder("out", settings.out)
    if (locate(settings.out) / ALIGNER_FILE).exists():
        return {"status": "nothing to do", "reason": f"{settings.out} holds a trained aligner; name another folder"}
    with output_folder(settings.out, ALIGNER_FILE) as out:
        return _train(settings, out)


def _train(settings: AlignerTrainingSettings, out: Path) -> dict[str, Any]:
    set_seed(settings.seed)
    training, held_out = _split(read_examples(settings.examples))
    scorer, tokeniser, layers = new_scorer(settings.kind, settings.encoder, settings.layers, settings.adapter_rank)
    recipe = TrainedRecipe(settings.kind, settings.encoder, layers)
    device = local_device(settings.device)
    rounds: list[dict[str, Any]] = []
    calibrated, folder = recipe, out
    for number in range(settings.rounds + 1):
        if number:
            training = relabel(TrainedAligner(folder, calibrated, device), training)
        folder = out / f"round-{number}"
        if (folder / ALIGNER_FILE).exists():
            logger.info("round %d: kept, finished before", number)
            restore_scorer(folder, scorer)
        else:
            agreed = sum(link.agreed for example in training for link in example.links)
            logger.info("round %d: %d pairs, %d agreed links", number, len(training), agreed)
            _train_round(settings, scorer, tokeniser, training, number, out / "checkpoints")
            save_scorer(folder, scorer, settings.encoder)
            shutil.rmtree(out / "checkpoints")
            calibrated, figures = calibrate(TrainedAligner(folder, recipe, device), recipe, held_out, settings.seed)
            write_recipe(folder, calibrated, {"pairs": len(training), "agreed_links": agreed, **figures})
        calibrated, figures = read_recipe(folder), read_evidence(folder)
        logger.info("round %d: %s", number, figures)
        rounds.append(figures)
    (out / "README.md").write_text(model_card(settings, calibrated, rounds, training), encoding="utf-8")
    # The recipe last: where it is, the aligner is whole.
    shutil.copytree(folder, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns(ALIGNER_FILE))
    shutil.copy(folder / ALIGNER_FILE, out)
    return {"status": "done", "out": settings.out, "rounds": rounds, "recipe": asdict(calibrated)}


def _split(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """Examples to train on, and those held out: always the same pairs."""
    held_out = [_names_alone(example) for example in examples if int(example.pair_id[:4], 16) % _HELD_OUT == 0]
    training = [example for example in examples if int(example.pair_id[:4], 16) % _HELD_OUT]
    if not any(link.agreed for example in held_out for link in example.links):
        raise XnerError(f"{len(examples)} examples are too few to hold some of them out; make more")
    return training, held_out


def _names_alone(example: Example) -> Example:
    return replace(example, links=tuple(link for link in example.links if PHRASE not in link.origins))


def _train_round(
    settings: AlignerTrainingSettings,
    scorer: PairScorer,
    tokeniser: PairTokeniser,
    examples: Sequence[Example],
    number: int,
    checkpoints: Path,
) -> None:
    steps = settings.steps if number == 0 else max(1, settings.steps // 3)
    data = BatchedRows(tokeniser, examples, steps, settings.batch_tokens, settings.seed + number)
    arguments = OneDeviceArguments(
        output_dir=str(checkpoints),
        max_steps=steps,
        per_device_train_batch_size=1,
        # Plain numbers: a command line gives types of jsonargparse's, which a checkpoint would then not load.
        learning_rate=float(settings.learning_rate) / (1 if number == 0 else 2),
        warmup_steps=int(0.05 * steps),
        bf16=is_bfloat16(settings.precision, local_device(settings.device)),
        use_cpu=local_device(settings.device) == "cpu",
        save_steps=-(-steps // _CHECKPOINTS),
        save_total_limit=1,
        logging_steps=max(1, min(50, steps // 10)),
        report_to="none",
        remove_unused_columns=False,
        seed=settings.seed,
        data_seed=settings.seed,
    )
    trainer = ScorerTrainer(scorer, arguments, train_dataset=data, data_collator=_Collator(tokeniser.padding))
    trainer.add_callback(TrimMemory())
    # A training that was interrupted goes on from its last checkpoint.
    train(trainer, get_last_checkpoint(checkpoints) if checkpoints.is_dir() else None)


def relabel(aligner: TrainedAligner, examples: Sequence[Example]) -> list[Example]:
    """Takes up links that the signals could not agree on, where the aligner finds them from both sides.

    A link is found if the span that the aligner finds for the source span leads back to that.
    """
    doubtful = [example for example in examples if not all(link.agreed for link in example.links)]
    relabelled = dict(zip(map(id, doubtful), _relabel(aligner, doubtful), strict=True))
    return [relabelled.get(id(example), example) for example in examples]


def _relabel(aligner: TrainedAligner, examples: Sequence[Example]) -> list[Example]:
    forward = aligner.align(
        [
            AlignmentQuery(example.source_text, example.target_text, tuple(link.source for link in example.links))
            for example in examples
        ]
    )
    back = aligner.align(
        [
            AlignmentQuery(example.target_text, example.source_text, tuple(a.target for a in found if a.target))
            for example, found in zip(examples, forward, strict=True)
        ]
    )
    relabelled = []
    for example, found, returned in zip(examples, forward, back, strict=True):
        answers, links = iter(returned), []
        for link, alignment in zip(example.links, found, strict=True):
            home = next(answers) if alignment.target else None
            if not link.agreed and home is not None and home.target == link.source:
                confidence = min(alignment.confidence, home.confidence)
                if confidence >= _RELABELLED:
                    link = replace(
                        link, target=alignment.target, agreed=True, confidence=confidence, origins=(SELF_TRAINING,)
                    )
            links.append(link)
        relabelled.append(replace(example, links=tuple(links)))
    return relabelled


def calibrate(
    aligner: TrainedAligner, recipe: TrainedRecipe, examples: Sequence[Example], seed: int
) -> tuple[TrainedRecipe, dict[str, Any]]:
    """Fits the calibration to links that were held out, and to the same with the counterparts cut out.

    Returns:
        the recipe with it, and the figures
    """
    chance = random.Random(seed)
    removed = [cut for example in examples if (cut := remove_name(example, chance)) is not None]
    asked = [replace(e, links=tuple(link for link in e.links if link.agreed)) for e in [*examples, *removed]]
    chosen, prepared = aligner.choose(
        [AlignmentQuery(e.source_text, e.target_text, tuple(link.source for link in e.links)) for e in asked]
    )
    here, right = [], []
    for entity, (query, place) in enumerate(zip(prepared.entity_query, prepared.entity_place, strict=True)):
        link = asked[query].links[place]
        here.append(link.target is not None)
        right.append(link.target is not None and prepared.target_span(chosen, entity) == link.target)
    present, exact = np.array(here), np.array(right)
    calibration = OddsCalibration.fit(log_odds(chosen.score), log_odds(chosen.support), exact)
    figures = {
        "held_out_links": int(present.sum()),
        "exact": float(exact[present].mean()),
        "lost": int((chosen.support[present] < recipe.min_presence).sum()),
        "absent_links": int((~present).sum()),
        "absent_found": int((chosen.support[~present] < recipe.min_presence).sum()),
    }
    return replace(recipe, calibration=calibration), figures


def model_card(
    settings: AlignerTrainingSettings,
    recipe: TrainedRecipe,
    rounds: Sequence[dict[str, Any]],
    examples: Sequence[Example],
) -> str:
    shown = asdict(settings) | {"layers": recipe.layers}
    command = " ".join(f"--{name} {value}" for name, value in shown.items() if name != "out")
    languages = sorted({example.language for example in examples})
    data = "".join(
        f"| {language} | {len(pairs)} | {sum(link.agreed for pair in pairs for link in pair.links)} "
        f"| {', '.join(sorted({pair.domain for pair in pairs}))} |\n"
        for language in languages
        if (pairs := [example for example in examples if example.language == language])
    )
    last = rounds[-1]
    return f"""# An aligner for {", ".join(f"en-{language}" for language in languages)}

Finds the counterparts of English entities in a translation, or says that they are not there; kind `{recipe.kind}`, the
lowest {recipe.layers} layers of `{settings.encoder}` with a low-rank adapter. Use it as
`--aligner.model {settings.out}` (xner project, xner evaluate projection).

- Command: `xner train-aligner train {command} --out {settings.out}`
- Data: links between names on which weak signals agree, and in later rounds links that the aligner found from both
  sides; no human labels

| target | pairs | links | domains |
|---|---|---|---|
{data}
Of {last["held_out_links"]} links that were held out, {last["exact"]:.1%} are found exactly. An entity that is there
with a probability under {recipe.min_presence} counts as not there: so do {last["absent_found"]} of
{last["absent_links"]} names whose counterparts were cut out, and {last["lost"]} of those that are there.
"""
