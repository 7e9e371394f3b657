"""Scores taggers, students and aligners against gold annotation."""

from xner_core.cli.job import Command, run_job
from xner_core.evaluation.evaluation_settings import ProjectionEvaluation, StudentEvaluation, TaggerEvaluation
from xner_core.evaluation.projection_evaluation import evaluate_projection
from xner_core.evaluation.student_evaluation import evaluate_student
from xner_core.evaluation.tagger_evaluation import evaluate_tagger

COMMANDS = {
    "tagger": Command(TaggerEvaluation, evaluate_tagger),
    "student": Command(StudentEvaluation, evaluate_student),
    "projection": Command(ProjectionEvaluation, evaluate_projection),
}

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
