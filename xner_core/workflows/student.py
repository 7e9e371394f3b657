"""A student of the labels of a snapshot, trained and scored beside the tagger itself."""

from pathlib import Path
from typing import Any

from xner_core.engine.training_job import train_student
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.student_evaluation import own_types
from xner_core.evaluation.tagger_evaluation import evaluate_tagger
from xner_core.sample import write_sample_gold
from xner_core.storage.files import Location, locate, read_json, write_json
from xner_core.storage.hashing import file_digest, fingerprint
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.training.student_settings import StudentSettings
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings
from xner_core.workflows.projection_settings import ProjectionSettings

# Raised whenever the same tags on the same gold would be scored otherwise.
SCORES_VERSION = 1


def train_and_score(settings: ProjectionSettings, snapshot: str, resume: bool = True) -> dict[str, Any]:
    """Trains a student on the labels of a snapshot and what they all say of each name, and scores it if there is gold.

    Args:
        settings: how
        snapshot: the snapshot's name
        resume: whether to go on from checkpoints that an interrupted training has left
    """
    out = locate(settings.out)
    student, labels = out / "student", [f"{settings.out}@{snapshot}"]
    votes = build_consensus(ConsensusSettings(labels, str(out / "consensus")))["consensus"]
    training = train_student(
        StudentSettings(labels, str(student), consensus=votes, resume=resume, student=settings.student)
    )
    gold = settings.gold
    if gold is None and settings.corpus is None:
        gold = str(Path(settings.out) / "gold.conll")
        write_sample_gold(Path(gold), settings.target)
    result: dict[str, Any] = {"student": str(student), "training": training}
    if gold is not None:
        taggers = {
            "student": (str(student), own_types(str(student))),
            "direct transfer": (settings.tagger.model, settings.tagger.label_map),
        }
        for name, (model, label_map) in taggers.items():
            tagger = TaggerSettings(model, label_map, device=settings.tagger.device, precision="float32")
            evaluation = TaggerEvaluation(gold, tagger, settings.gold_types, settings.target)
            result.setdefault("scores", {})[name] = score_once(out / "scores", evaluation)
    return result


def score_once(folder: Path | Location, evaluation: TaggerEvaluation) -> dict[str, Any]:
    """The scores of a model on a gold file, from `folder` if they were taken before.

    They lie there under a hash of all that determines them: the model, its label map, the gold's content and side, the
    types, and the versions of the tagger and of the scoring.
    """
    key = fingerprint(
        tagger=evaluation.tagger.fingerprint(),
        gold=file_digest(Path(evaluation.gold)),
        language=evaluation.language,
        labels=evaluation.types,
        version=SCORES_VERSION,
    )
    record = locate(str(folder / f"{key}.json"))
    if record.exists():
        return read_json(record) | {"model": evaluation.tagger.model, "conll": evaluation.gold}
    scores = evaluate_tagger(evaluation)
    write_json(record, scores)
    return scores
