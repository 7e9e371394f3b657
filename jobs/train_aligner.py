"""Fits or trains an aligner for a language pair, from ingested parallel corpora and no human labels.

python jobs/train_aligner.py fit --corpus corpora/en-de --encoder xlm-roberta-base --out aligners/en-de
python jobs/train_aligner.py examples --corpora '[corpora/en-de, corpora/en-zh]' --out examples

`fit` sets the constants of the training-free aligner: names that both sides of a pair hold letter for letter have a
known answer, which decides the hidden layer that is compared, and how scores become a confidence. `examples` makes what
aligners are trained on: names, and where weak signals agree that their counterparts are.
"""

from xner_core.alignment.fitting import AlignerFitting, fit_aligner
from xner_core.cli import Command, run_job
from xner_core.supervision.build import ExampleSettings, make_examples

COMMANDS = {"fit": Command(AlignerFitting, fit_aligner), "examples": Command(ExampleSettings, make_examples)}

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
