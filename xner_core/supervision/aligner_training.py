"""Trains an aligner on links that weak signals agree on, and on those that it then finds itself."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from safetensors.torch import save_file
from transformers import Trainer, set_seed
from transformers.trainer_utils import get_last_checkpoint

from xner_core.alignment.pair_rows import PairBatch, PairTokeniser
from xner_core.alignment.recipe import ALIGNER_FILE, TrainedRecipe, read_evidence, read_recipe, write_recipe
from xner_core.alignment.scorers import PairScorer
from xner_core.alignment.trained import TrainedAligner, new_scorer, restore_scorer, save_scorer
from xner_core.errors import XnerError
from xner_core.models.devices import local_device
from xner_core.models.folders import output_folder
from xner_core.models.precision import is_bfloat16
from xner_core.storage.files import locate
from xner_core.storage.outputs import require_folder
from xner_core.supervision.aligner_batches import BatchedRows, RowCollator
from xner_core.supervision.aligner_calibration import calibrate
from xner_core.supervision.aligner_cards import trained_aligner_card
from xner_core.supervision.aligner_training_settings import AlignerTrainingSettings
from xner_core.supervision.examples import Example, read_examples
from xner_core.supervision.phrases import PHRASE
from xner_core.supervision.self_training import relabel
from xner_core.training.trainer import OneDeviceArguments, TrimMemory, train

logger = logging.getLogger(__name__)

# One example in so many is held out.
_HELD_OUT = 40
_CHECKPOINTS = 4


class ScorerTrainer(Trainer):
    """Trains a scorer; its checkpoints hold the weights that are trained, and no others."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        batch: PairBatch = inputs["batch"].to(self.args.device)
        losses = model.loss(batch, *inputs["words"].unbind(dim=1))
        return (losses * inputs["weight"]).sum() / inputs["weight"].sum()

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(str(output_dir or self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        model: Any = self.model
        trained = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
        save_file(trained, folder / "model.safetensors")


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
        calibrated, figures = cast(TrainedRecipe, read_recipe(folder)), read_evidence(folder)
        logger.info("round %d: %s", number, figures)
        rounds.append(figures)
    (out / "README.md").write_text(trained_aligner_card(settings, calibrated, rounds, training), encoding="utf-8")
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
    trainer = ScorerTrainer(scorer, arguments, train_dataset=data, data_collator=RowCollator(tokeniser.padding))
    trainer.add_callback(TrimMemory())
    # A training that was interrupted goes on from its last checkpoint.
    train(trainer, get_last_checkpoint(checkpoints) if checkpoints.is_dir() else None)
