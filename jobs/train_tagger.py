"""Trains an English tagger on CoNLL files.

A type that a file never marks is left open in it, so that data sets with different types can be mixed.
"""

from xner_core.cli.job import Command, run_job
from xner_core.training.tagger_training import train_tagger
from xner_core.training.tagger_training_settings import TaggerTrainingSettings

COMMANDS = Command(TaggerTrainingSettings, train_tagger)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
