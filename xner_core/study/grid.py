"""What a study compares: its settings, and the cells of its grid."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from xner_core.errors import XnerError
from xner_core.labels.consensus import find_consensus
from xner_core.labels.label_files import LabelFile, count_rows
from xner_core.models.loading import STARTER
from xner_core.storage.hashing import fingerprint
from xner_core.training.label_filter import COLUMNS
from xner_core.training.losses import LossSettings
from xner_core.training.student_plan import StudentRecipe, identity

logger = logging.getLogger(__name__)

ALL, EACH = "all", "each"


@dataclass(frozen=True)
class StudySettings:
    """What is compared, on what, and how much at once.

    Args:
        labels: what to train on, as in train_student.py: folders of projections, or of labels, local or s3://
        gold: gold files of the target language, by the names that they have in the results: CoNLL, or JSON lines as in
            evaluate.py (.jsonl); plain, .gz or .xz
        out: local folder of the results: study.html, results.parquet, and the cells, which are taken up again
        pairs: corpus sizes, each a number of pairs or `all`; a smaller sample lies within a larger one
        domains: what to train on: `all` domains together, `each` domain of the labels by itself, the name of a domain,
            or names joined by `+`
        losses: losses to compare; that of `recipe` if none are given
        seeds: trainings of each kind
        recipe: how students are trained; its pairs, domains, loss and seed are those of the cell
        consensus: folder of the votes of the corpus on these labels, as of train_student.py
        baselines: taggers that are applied to the target language as they are, of one seed or several: a Hugging Face
            name, a local folder, or `starter`
        label_map: of the baselines: `conll`, `ontonotes`, or a map from their entity types to those of the gold
        types: entity types to score; those that a gold file marks and all baselines find if none are given
        language: which side of JSON lines is scored; that of the labels if none is given
        at_once: the most cells that run side by side; as many as the cluster holds if none are given
        keep_students: keep each cell's model; without them, another gold file needs another training
        projection_speed: pairs per second at which project_corpus.py made the labels; adds what that cost
        draws: of the bootstrap
    """

    labels: list[str]
    gold: dict[str, str]
    out: str
    pairs: list[PositiveInt | Literal["all"]] = field(default_factory=lambda: [500, 1000, 2000, 4000, 8000, ALL])
    domains: list[str] = field(default_factory=lambda: [ALL])
    losses: list[LossSettings] = field(default_factory=list)
    seeds: list[NonNegativeInt] = field(default_factory=lambda: [1, 2, 3])
    recipe: StudentRecipe = field(default_factory=StudentRecipe)
    consensus: str | None = None
    baselines: list[str] = field(default_factory=lambda: [STARTER])
    label_map: str | dict[str, str] = "conll"
    types: list[str] | None = None
    language: str | None = None
    at_once: PositiveInt | None = None
    keep_students: bool = True
    projection_speed: PositiveFloat | None = None
    draws: PositiveInt = 10_000

    def __post_init__(self):
        for name in ("labels", "gold", "pairs", "domains", "seeds", "baselines"):
            if not getattr(self, name):
                raise ValueError(f"{name}: name at least one")
        if self.types is not None and not self.types:
            raise ValueError("types: name at least one entity type")
        if "://" in self.out:
            raise ValueError(f"out must be a local folder, not {self.out}")


@dataclass(frozen=True)
class Cell:
    """One student of a study.

    Attributes:
        key: the identity of all that determines it
        pairs: pairs that it is trained on, those held out included
        domain: what it is trained on, as in the settings
        files: its labels
        recipe: how it is trained
    """

    key: str
    pairs: int
    domain: str
    files: list[str]
    recipe: StudentRecipe

    @property
    def loss(self) -> str:
        return loss_name(self.recipe.loss)

    @property
    def kind(self) -> tuple[str, str, int]:
        """What cells of different seeds share."""
        return self.domain, self.loss, self.pairs

    def __str__(self) -> str:
        return f"{self.pairs:,} pairs of {self.domain}, {self.loss}, seed {self.recipe.seed}"


def loss_name(loss: LossSettings) -> str:
    """A loss by its settings, as people write it."""
    name = loss.name.replace("_", " ")
    if loss.name == "cross_entropy":
        return name
    through_weight = loss.name in ("focal", "reverse_focal") and not loss.detach_weight
    return f"{name} γ={loss.gamma:g}{', differentiable weight' if through_weight else ''}"


def plan_cells(settings: StudySettings, files: Sequence[LabelFile]) -> tuple[list[Cell], list[str]]:
    """The cells of the grid, the small ones first, and what was left out of it, in words.

    A size that a domain does not have is left out, since `all` is the same.

    Raises:
        XnerError: a domain that the labels do not have, or a grid without a cell.
    """
    votes = find_consensus(settings.consensus, files) if settings.consensus else {}
    available: dict[str, int] = {}
    for file in files:
        available[file.domain] = available.get(file.domain, 0) + count_rows(file, COLUMNS)
    # What differs between cells is told apart below; so the model is read once.
    base = identity(replace(settings.recipe, domains=None, pairs=None, loss=LossSettings(), seed=0), [])
    losses = settings.losses or [settings.recipe.loss]
    cells: dict[str, Cell] = {}
    left_out = []
    for domain, size in itertools.product(_domains(settings, available), settings.pairs):
        parts = sorted(available if domain == ALL else domain.split("+"))
        there = sum(available[part] for part in parts)
        if size != ALL and size >= there and not (size == there and ALL not in settings.pairs):
            left_out.append(f"{size:,} pairs of {domain}: there are {there:,}")
            continue
        size = None if size == ALL else size
        chosen = [file for file in files if file.domain in parts]
        names = [file.name for file in chosen]
        content = {"labels": names, "votes": [str(votes[name]) for name in names] if votes else None}
        addresses = [str(file.location) for file in chosen]
        for loss, seed in itertools.product(losses, settings.seeds):
            recipe = replace(settings.recipe, domains=parts, pairs=size, loss=loss, seed=seed)
            key = fingerprint(recipe=base, **content, pairs=size, loss=asdict(loss), seed=seed)
            cells.setdefault(key, Cell(key, size or there, domain, addresses, recipe))
    for reason in left_out:
        logger.warning("left out: %s", reason)
    if not cells:
        raise XnerError(f"no cell in the grid ({'; '.join(left_out)}); ask for fewer pairs, or for `all`")
    return sorted(cells.values(), key=lambda cell: cell.pairs), left_out


def _domains(settings: StudySettings, available: dict[str, int]) -> list[str]:
    """The domains of the settings, `each` resolved."""
    named: list[str] = []
    for domain in settings.domains:
        named += sorted(available) if domain == EACH else [domain]
    for domain in named:
        if unknown := set() if domain == ALL else set(domain.split("+")) - set(available):
            raise XnerError(
                f"no domain {', '.join(sorted(unknown))} in the labels; there are {', '.join(sorted(available))}"
            )
    return list(dict.fromkeys(named))
