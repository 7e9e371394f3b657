"""What a study compares: its settings, and the cells of its grid."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from xner_core.errors import XnerError
from xner_core.labels.consensus import find_consensus
from xner_core.labels.label_files import LabelFile, count_rows
from xner_core.storage.hashing import fingerprint
from xner_core.study.study_settings import ALL, EACH, StudySettings
from xner_core.training.fitting_settings import LossSettings
from xner_core.training.label_filter import COLUMNS
from xner_core.training.student_identity import identity
from xner_core.training.student_settings import StudentRecipe

logger = logging.getLogger(__name__)


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
    for file, rows in zip(files, count_rows(files, COLUMNS), strict=True):
        available[file.domain] = available.get(file.domain, 0) + rows
    # What differs between cells is told apart below; so the model is read once.
    base = identity(replace(settings.student, domains=None, pairs=None, loss=LossSettings(), seed=0), [])
    losses = settings.losses or [settings.student.loss]
    cells: dict[str, Cell] = {}
    left_out = []
    for domain, size in itertools.product(_domains(settings, available), settings.sizes):
        parts = sorted(available if domain == ALL else domain.split("+"))
        there = sum(available[part] for part in parts)
        if size != ALL and size >= there and not (size == there and ALL not in settings.sizes):
            left_out.append(f"{size:,} pairs of {domain}: there are {there:,}")
            continue
        size = None if size == ALL else size
        chosen = [file for file in files if file.domain in parts]
        names = [file.name for file in chosen]
        content = {"labels": names, "votes": [str(votes[name]) for name in names] if votes else None}
        addresses = [str(file.location) for file in chosen]
        for loss, seed in itertools.product(losses, settings.seeds):
            recipe = replace(settings.student, domains=parts, pairs=size, loss=loss, seed=seed)
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
