"""Brings the labels of a corpus that changes up to date: ingests what is new, changed or removed, projects what has no
labels yet, and publishes a snapshot. With --then-train it also trains a student again when enough has changed.

python jobs/nightly_reproject.py --corpus s3://corpora/en-de --target de --out s3://labels/en-de

It holds a lease on the folder, so a scheduler may start it twice; when nothing has changed it says so in seconds.
"""

from xner_core.cli.job import Command, run_job
from xner_core.workflows.nightly import reproject
from xner_core.workflows.projection_settings import NightlySettings

COMMANDS = Command(NightlySettings, reproject)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
