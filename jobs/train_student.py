"""Trains a student: a named entity tagger for the target language, on labels that were projected into it.

Runs on this machine, on the cluster at RAY_ADDRESS, or under `ray job submit`. Run again after an interruption, it
goes on from its last checkpoint. The student loads with pipeline("token-classification", model=OUT).
"""

from xner_core.cli.job import Command, run_job
from xner_core.engine.training_job import train_student
from xner_core.training.student_settings import StudentSettings

COMMANDS = Command(StudentSettings, train_student)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
