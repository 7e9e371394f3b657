"""What a student is trained on, and how."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from jsonargparse.typing import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveInt

from xner_core.models.model_settings import STARTER, Device
from xner_core.training.fitting_settings import LossSettings, OptimisationSettings


@dataclass(frozen=True)
class TrustSettings:
    """Which labels a student learns.

    Each typed span that something speaks for has a score, the sum of: for a projected entity, the product of the
    tagger's and the aligner's confidence; for a mention, that is what the tagger finds in the target text by itself,
    its confidence; for a name that is an entity elsewhere in the corpus, the share of its occurrences in which it is
    one. The highest score first, a span that overlaps none before it is learnt as an entity or masked, neither an
    entity nor O, as these thresholds say. All they are applied to was written down before, so that other ones need no
    new projection. `names` to `support` need the votes of the corpus.

    Args:
        learnt: spans are learnt from this score on
        masked: spans of a lower score are masked from this one on; what is below it is O
        mentions: weight of mentions
        unexplained: mentions that overlap no projected entity are learnt from this confidence on, and at most masked
            below it; without it, none is learnt
        names: weight of names that are entities elsewhere in the corpus
        outlier: projected entities whose target string is an entity in a smaller share of its occurrences are at most
            masked
        voted: an entity takes the most frequent type of its source string if this share of its projections has it
        support: occurrences or projections of a name without which the corpus has no say
        lowercase: factor of the score of spans without a capital, in scripts that have them; with 0 they are O, as in
            languages that write names with capitals, but not what is derived from them ("francés")
        hyphenated: factor of the score of spans that a hyphen joins to another part of their word ("EU" in
            "EU-Budget"); with 0 they are O, since the word is no name
        touching: in scripts without spaces, entities of one type that touch are one ("美国" and "阿拉斯加州")
    """

    learnt: NonNegativeFloat = 0.6
    masked: NonNegativeFloat = 0.6
    mentions: NonNegativeFloat = 1.0
    unexplained: ClosedUnitInterval | None = None
    names: NonNegativeFloat = 1.0
    outlier: ClosedUnitInterval = 0.05
    voted: ClosedUnitInterval = 0.8
    support: PositiveInt = 5
    lowercase: ClosedUnitInterval = 0.0
    hyphenated: ClosedUnitInterval = 0.0
    touching: bool = True

    def __post_init__(self) -> None:
        if self.masked > self.learnt:
            raise ValueError(f"masked {self.masked} is more than learnt {self.learnt}")


@dataclass(frozen=True)
class AugmentationSettings:
    """How many of the training texts are written in another way.

    Args:
        tokenised: share of the texts that read as a corpus of tokens does: words and symbols set apart by a space, or,
            in scripts without spaces, by nothing; what hyphens join stays one word
        capitals: share of the texts that are written in capitals, as headlines are
        datelines: share of texts with a place (LOC) that begin with the dateline of a news agency (ORG), as newswire
            has it: "Ulm, 9 may (XYZ). "
        splits: words that such a corpus writes as several, in lower case, as Universal Dependencies does with
            contractions: {do: de o}
    """

    tokenised: ClosedUnitInterval = 0.5
    capitals: ClosedUnitInterval = 0.1
    datelines: ClosedUnitInterval = 0.0
    splits: dict[str, str] = field(default_factory=dict)


# They may move figures in the last digit, as another machine does.
_OF_THE_CLUSTER = ("cpus_per_worker", "threads", "device")


@dataclass(frozen=True)
class StudentRecipe:
    """How a student is trained.

    Args:
        dev: CoNLL file of the target language (plain or .gz) that decides which checkpoint is kept; without it, some
            of the pairs are held out, with their projected labels
        held_out: how many pairs, about, are held out where there is no dev; at most a tenth of all
        start: whether the student starts from a tagger, its labels' weights included, or from a bare encoder
        model: that tagger or encoder: a Hugging Face name, a folder, local or s3://, or `starter`
        types: entity types to learn, other types are masked in the labels, and O in dev; without it, those of the
            tagger where they cover the labels', otherwise those of the labels
        domains: domains of the labels to train on; all without it
        pairs: train on a sample of so many of their pairs; smaller samples lie within larger ones
        trust: which labels are learnt, and which are masked
        augmentation: how many texts to train on are written in another way
        straddled: tokens of scripts without spaces that entities begin or end in, in this share of their occurrences or
            more, are split into shorter ones ("在日本", in Japan); without it, none is
        optimisation: how the weights are fitted
        loss: the loss
        shuffle_buffer: sentences that each worker holds to shuffle
        num_workers: processes that train side by side, each on its own batches
        cpus_per_worker: CPUs to reserve for each
        threads: of each worker's arithmetic; 0 shares the CPUs of a node among its workers
        device: `cuda` is one GPU for each worker, `auto` the same where the cluster has GPUs, otherwise `cpu`
        seed: of every random choice
    """

    dev: str | None = None
    held_out: PositiveInt = 500
    start: Literal["tagger", "encoder"] = "tagger"
    model: str = STARTER
    types: list[str] | None = None
    domains: list[str] | None = None
    pairs: PositiveInt | None = None
    trust: TrustSettings = field(default_factory=TrustSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    straddled: ClosedUnitInterval | None = 0.5
    optimisation: OptimisationSettings = field(default_factory=OptimisationSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    shuffle_buffer: PositiveInt = 20_000
    num_workers: PositiveInt = 1
    cpus_per_worker: PositiveInt = 1
    threads: NonNegativeInt = 0
    device: Device = "auto"
    seed: NonNegativeInt = 1

    def __post_init__(self) -> None:
        if self.types is not None and (not self.types or len(set(self.types)) < len(self.types)):
            raise ValueError(f"types {self.types}: name at least one entity type, and each once")

    def determining(self) -> dict[str, Any]:
        """What of this determines a student, as plain JSON values: all but what its training takes of a cluster."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_THE_CLUSTER}


@dataclass(frozen=True)
class StudentSettings:
    """What a student is trained on, and where it is kept.

    Args:
        labels: what to train on, local or s3://: folders of projections, whose latest snapshots are taken, or
            folder@name for another one; or labels/<fingerprint> in them, or partitions of it, with all that lies there
        out: folder of the trained student, local or s3://
        consensus: folder of the votes of the corpus on these labels, <out>/<fingerprint> of xner consensus; without
            it, these do not decide
        checkpoints: folder of checkpoints, local or s3://, that all nodes see; `out`/checkpoints if none is named;
            removed when the student is done
        resume: take up a training with the same labels and settings that was interrupted; false starts anew
        student: how it is trained
    """

    labels: list[str]
    out: str
    consensus: str | None = None
    checkpoints: str | None = None
    resume: bool = True
    student: StudentRecipe = field(default_factory=StudentRecipe)

    def __post_init__(self) -> None:
        if not self.labels:
            raise ValueError("labels: name at least one folder of labels")
