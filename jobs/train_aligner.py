"""Fits an aligner to an encoder and a language pair, from an ingested parallel corpus and no human labels.

python jobs/train_aligner.py --corpus corpora/en-de --encoder xlm-roberta-base --out aligners/en-de

Names that both sides of a pair hold letter for letter have a known answer. They decide which hidden layer is compared,
and how scores become a confidence and the decision that an entity is not there. Name the folder as the aligner of
project_corpus.py or evaluate.py.
"""

from xner_core.alignment.fitting import AlignerFitting, fit_aligner
from xner_core.cli import Command, run_job

COMMANDS = Command(AlignerFitting, fit_aligner)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
