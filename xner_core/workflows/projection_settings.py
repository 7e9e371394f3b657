"""What is projected, by which models, on how much of the cluster."""

from dataclasses import dataclass, field

from jsonargparse.typing import ClosedUnitInterval, PositiveFloat, PositiveInt

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.engine.cluster_settings import ClusterSettings
from xner_core.projection.faults.fault_settings import FaultSettings
from xner_core.snapshots.snapshot_settings import LEASE_SECONDS
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.training.student_settings import StudentRecipe


@dataclass(frozen=True)
class ProjectionSettings:
    """What is projected, by which models, on how much of the cluster.

    Args:
        corpus: an ingested corpus, or files of parallel text (see xner ingest), local or s3://; without it, the
            sample corpus that comes with xner
        source: language that the tagger reads
        target: language to make labels for
        out: folder of all that is made, local or s3://
        shard_pairs: the most pairs in a shard
        malformed_limit: the largest share of the lines of parallel text that may be malformed; such lines are rejected
        cleaning: which pairs of files of parallel text are kept
        tagger: the model that finds the entities
        aligner: the model that finds them again in the target text
        cluster: actors, CPUs and GPUs
        faults: what becomes of pairs that a model breaks on, and when the job gives up
        then_train: train a student on the labels, in `out`/student
        student: how the student is trained
        gold: with then_train, CoNLL file of the target language, or JSON lines with it (.jsonl), on which the student
            and the tagger itself are scored
        gold_types: entity types to score; all that the file marks if none are given
    """

    corpus: str | None = None
    source: str = "en"
    target: str = "de"
    out: str = "out"
    shard_pairs: PositiveInt = 4096
    malformed_limit: ClosedUnitInterval = 0.01
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)
    tagger: TaggerSettings = field(default_factory=TaggerSettings)
    aligner: AlignerSettings = field(default_factory=AlignerSettings)
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    faults: FaultSettings = field(default_factory=FaultSettings)
    then_train: bool = False
    student: StudentRecipe = field(default_factory=StudentRecipe)
    gold: str | None = None
    gold_types: list[str] | None = None

    def __post_init__(self) -> None:
        if not self.then_train and (unused := self.gold or self.gold_types):
            raise ValueError(f"{unused} is gold for a student, and none is trained: add --then_train, or leave it out")


@dataclass(frozen=True)
class NightlySettings(ProjectionSettings):
    """What is projected, as for xner project, and what else is done each night.

    Args:
        corpus: files of parallel text, local or s3://, which may come, change and go; or an ingested corpus
        retrain_share: with then_train, a student is trained again when this share of the pairs was added, removed,
            taken out of quarantine, or labelled by another tagger or aligner since the last training
        then_consensus: count the votes of the whole corpus on each name as well, in `out`/consensus
        keep: delete what neither this many snapshots, from the latest on, nor the student need; without it nothing is
            deleted (xner snapshots collect --dry_run shows what would be)
        lease: seconds for which a run that has died keeps other runs on other machines from starting
    """

    retrain_share: ClosedUnitInterval = 0.05
    then_consensus: bool = False
    keep: PositiveInt | None = None
    lease: PositiveFloat = LEASE_SECONDS
