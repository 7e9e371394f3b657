"""Trains and scores students over corpus sizes, domains, losses and seeds, and draws how much corpus is enough.

Runs on this machine, on the cluster at RAY_ADDRESS, or under `ray job submit`, cells side by side where there is room.
Run again after an interruption, it goes on with what is not done.
"""

from xner_core.cli.job import Command, run_job
from xner_core.engine.study_run import run_study
from xner_core.study.study_settings import StudySettings

COMMANDS = Command(StudySettings, run_study)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
