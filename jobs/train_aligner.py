"""Trains an aligner from ingested parallel corpora and no human labels, or fits the training-free one to them.

python jobs/train_aligner.py examples --corpora '[corpora/en-de, corpora/en-zh]' --out examples
python jobs/train_aligner.py train --examples examples --encoder xlm-roberta-base --out aligners/mine
python jobs/train_aligner.py fit --corpus corpora/en-de --encoder xlm-roberta-base --out aligners/en-de

`examples` makes what aligners are trained on: names, and where weak signals agree that their counterparts are. `train`
trains an aligner on them, and then on links that it finds itself from both sides. `fit` sets the constants of the
training-free aligner: names that both sides of a pair hold letter for letter have a known answer, which decides the
hidden layer that is compared, and how scores become a confidence. Name the folder as the aligner of project_corpus.py
or evaluate.py.
"""

from xner_core.cli.job import Command, run_job
from xner_core.supervision.aligner_fitting import fit_aligner
from xner_core.supervision.aligner_training import train_aligner
from xner_core.supervision.aligner_training_settings import AlignerFitting, AlignerTrainingSettings, ExampleSettings
from xner_core.supervision.example_building import make_examples

COMMANDS = {
    "examples": Command(ExampleSettings, make_examples),
    "train": Command(AlignerTrainingSettings, train_aligner),
    "fit": Command(AlignerFitting, fit_aligner),
}

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
