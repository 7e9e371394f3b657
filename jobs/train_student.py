"""The job `xner train-student` as a script, for `ray job submit` and checkouts."""

from xner_core.cli.commands import TRAIN_STUDENT as JOB
from xner_core.cli.job import run_job

if __name__ == "__main__":
    run_job(JOB)
