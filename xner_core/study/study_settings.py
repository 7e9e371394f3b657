"""What a study compares, on what, and how much at once."""

from dataclasses import dataclass, field
from typing import Literal

from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from xner_core.models.model_settings import STARTER
from xner_core.training.fitting_settings import LossSettings
from xner_core.training.student_settings import StudentRecipe

ALL, EACH = "all", "each"


@dataclass(frozen=True)
class StudySettings:
    """What is compared, on what, and how much at once.

    Args:
        labels: what to train on, as in xner train-student: folders of projections, or of labels, local or s3://
        gold: gold files of the target language, by the names that they have in the results: CoNLL, or JSON lines as in
            xner evaluate (.jsonl); plain, .gz or .xz
        out: local folder of the results: study.html, results.parquet, and the cells, which are taken up again
        sizes: corpus sizes, each a number of pairs or `all`; a smaller sample lies within a larger one
        domains: what to train on: `all` domains together, `each` domain of the labels by itself, the name of a domain,
            or names joined by `+`
        losses: losses to compare; that of `student` if none are given
        seeds: trainings of each kind
        student: how students are trained; its pairs, domains, loss and seed are those of the cell
        consensus: folder of the votes of the corpus on these labels, as of xner train-student
        baselines: taggers that are applied to the target language as they are, of one seed or several: a Hugging Face
            name, a local folder, or `starter`
        label_map: of the baselines: `conll`, `ontonotes`, or a map from their entity types to those of the gold
        types: entity types to score; those that a gold file marks and all baselines find if none are given
        language: which side of JSON lines is scored; that of the labels if none is given
        at_once: the most cells that run side by side; as many as the cluster holds if none are given
        keep_students: keep each cell's model; without them, another gold file needs another training
        projection_speed: pairs per second at which xner project made the labels; adds what that cost
        draws: of the bootstrap
    """

    labels: list[str]
    gold: dict[str, str]
    out: str
    sizes: list[PositiveInt | Literal["all"]] = field(default_factory=lambda: [500, 1000, 2000, 4000, 8000, ALL])
    domains: list[str] = field(default_factory=lambda: [ALL])
    losses: list[LossSettings] = field(default_factory=list)
    seeds: list[NonNegativeInt] = field(default_factory=lambda: [1, 2, 3])
    student: StudentRecipe = field(default_factory=StudentRecipe)
    consensus: str | None = None
    baselines: list[str] = field(default_factory=lambda: [STARTER])
    label_map: str | dict[str, str] = "conll"
    types: list[str] | None = None
    language: str | None = None
    at_once: PositiveInt | None = None
    keep_students: bool = True
    projection_speed: PositiveFloat | None = None
    draws: PositiveInt = 10_000

    def __post_init__(self) -> None:
        for name in ("labels", "gold", "sizes", "domains", "seeds", "baselines"):
            if not getattr(self, name):
                raise ValueError(f"{name}: name at least one")
        if self.types is not None and not self.types:
            raise ValueError("types: name at least one entity type")
        if "://" in self.out:
            raise ValueError(f"out must be a local folder, not {self.out}")
