"""Counts what a whole corpus of labels says of each name, for trainings that let it decide.

python jobs/build_consensus.py --labels '[out/de]' --out out/de/consensus

Labels stay as they are; the votes lie beside them, by pair id. Name the folder that is printed as the consensus of
train_student.py.
"""

from xner_core.cli.job import Command, run_job
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings

COMMANDS = Command(ConsensusSettings, build_consensus)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
