"""xner: named entity recognition for languages nobody has labelled, by projecting labels over parallel text.

As a library (docs/library.md): what is imported from here is loaded when it is asked for, since the command line starts
here as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# For editors and type checkers; `_HOMES` says the same at run time.
if TYPE_CHECKING:
    from xner_core.alignment.aligner_settings import AlignerSettings
    from xner_core.engine.training_job import train_student
    from xner_core.errors import XnerError
    from xner_core.evaluation.evaluation_settings import StudentEvaluation, TaggerEvaluation
    from xner_core.evaluation.student_evaluation import evaluate_student
    from xner_core.evaluation.tagger_evaluation import evaluate_tagger
    from xner_core.snapshots.repository import open_snapshot
    from xner_core.tagging.tagger_settings import TaggerSettings
    from xner_core.training.student_settings import StudentRecipe, StudentSettings
    from xner_core.workflows.interactive import ProjectedEntity, ProjectedPair, load_aligner, load_tagger, project
    from xner_core.workflows.projection import project_corpus
    from xner_core.workflows.projection_settings import ProjectionSettings
else:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


_HOMES = {
    "AlignerSettings": "alignment.aligner_settings",
    "ProjectedEntity": "workflows.interactive",
    "ProjectedPair": "workflows.interactive",
    "ProjectionSettings": "workflows.projection_settings",
    "StudentEvaluation": "evaluation.evaluation_settings",
    "StudentRecipe": "training.student_settings",
    "StudentSettings": "training.student_settings",
    "TaggerEvaluation": "evaluation.evaluation_settings",
    "TaggerSettings": "tagging.tagger_settings",
    "XnerError": "errors",
    "evaluate_student": "evaluation.student_evaluation",
    "evaluate_tagger": "evaluation.tagger_evaluation",
    "load_aligner": "workflows.interactive",
    "load_tagger": "workflows.interactive",
    "open_snapshot": "snapshots.repository",
    "project": "workflows.interactive",
    "project_corpus": "workflows.projection",
    "train_student": "engine.training_job",
}
__all__ = [
    "AlignerSettings",
    "ProjectedEntity",
    "ProjectedPair",
    "ProjectionSettings",
    "StudentEvaluation",
    "StudentRecipe",
    "StudentSettings",
    "TaggerEvaluation",
    "TaggerSettings",
    "XnerError",
    "evaluate_student",
    "evaluate_tagger",
    "load_aligner",
    "load_tagger",
    "open_snapshot",
    "project",
    "project_corpus",
    "train_student",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
