"""All jobs: their settings, where what they do is, examples, and the names that their settings had before.

`xner NAME` and the script of the job in `jobs/` run the same. What a job does is imported when it runs.
"""

from collections.abc import Mapping

from xner_core.cli.job import Command, Job
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.evaluation.evaluation_settings import ProjectionEvaluation, StudentEvaluation, TaggerEvaluation
from xner_core.snapshots.snapshot_settings import (
    CollectionSettings,
    DiffSettings,
    ListSettings,
    ReleaseSettings,
    RollbackSettings,
    ShowSettings,
)
from xner_core.study.study_settings import StudySettings
from xner_core.supervision.aligner_training_settings import AlignerFitting, AlignerTrainingSettings, ExampleSettings
from xner_core.training.student_settings import StudentSettings
from xner_core.training.tagger_training_settings import TaggerTrainingSettings
from xner_core.workflows.consensus_settings import ConsensusSettings
from xner_core.workflows.projection_settings import NightlySettings, ProjectionSettings

_RENAMED_IN_PROJECTIONS = {
    "gold_labels": "gold_types",
    "student.use_gpu": "student.device cuda",
    **{
        f"cluster.{model}.{old}": f"cluster.{new}"
        for model in ("tagger", "aligner")
        for old, new in (("min_size", "actors"), ("max_size", "actors"), ("cpus", "cpus"), ("gpus", "gpus"))
    },
}
_RENAMED_RECIPE = {
    "recipe.use_gpu": "student.device cuda",
    "student.use_gpu": "student.device cuda",
    "recipe": "student",
}

PROJECT = Job(
    """Projects a parallel corpus: tags its source side, aligns the entities, and writes labels for its target side.

    Without --corpus it projects the sample that comes with xner. Shards that have their labels already are left as they
    are, so a run that was interrupted is taken up again by the same command.""",
    Command(
        ProjectionSettings,
        "xner_core.workflows.projection:project_corpus",
        examples="""
xner project
xner project --corpus corpora/en-de --target de --out out/de --then_train
xner project --corpus s3://corpora/en-fi --target fi --out s3://labels/en-fi --config settings.yaml
xner project --corpus corpora/en-de --then_train --student recipe.yaml --gold de.conll
""",
        renamed=_RENAMED_IN_PROJECTIONS,
    ),
)

INGEST = Job(
    """Makes a corpus of parallel text: reads files of many formats, cleans, removes duplicates, and writes Parquet
    shards.""",
    Command(
        IngestSettings,
        "xner_core.workflows.corpus:ingest_alone",
        examples="xner ingest --corpus opus/ --target de --out corpora/en-de",
    ),
)

NIGHTLY = Job(
    """Brings the labels of a corpus that changes up to date: ingests what is new, changed or removed, projects what has
    no labels yet, and publishes a snapshot. With --then_train it also trains a student again when enough has changed.

    It holds a lease on the folder, so a scheduler may start it twice; when nothing has changed it says so at once.""",
    Command(
        NightlySettings,
        "xner_core.workflows.nightly:reproject",
        examples="xner nightly --corpus s3://corpora/en-de --target de --out s3://labels/en-de --then_train --keep 30",
        renamed=_RENAMED_IN_PROJECTIONS | {"consensus": "then_consensus"},
    ),
)

CONSENSUS = Job(
    """Counts what a whole corpus of labels says of each name, for trainings that let it decide.

    Labels stay as they are; the votes lie beside them, by pair id. Name the folder that is printed as the consensus of
    train-student.""",
    Command(
        ConsensusSettings,
        "xner_core.workflows.build_consensus:build_consensus",
        examples="xner consensus --labels out/de --out out/de/consensus",
    ),
)

SNAPSHOTS = Job(
    """Looks after the snapshots that runs publish: lists, shows and compares them, goes back, and cleans up.

    A snapshot that was gone back to stays the latest until it is released.""",
    {
        "list": Command(
            ListSettings,
            "xner_core.workflows.administration:list_snapshots",
            "Lists the snapshots of a folder, the latest first, and who is at work there.",
            "xner snapshots list --out out/de",
        ),
        "show": Command(
            ShowSettings,
            "xner_core.workflows.administration:show_snapshot",
            "Shows what a snapshot holds.",
            "xner snapshots show --out out/de --table labels",
        ),
        "diff": Command(
            DiffSettings,
            "xner_core.workflows.administration:diff_snapshots",
            "Compares two snapshots: files, pairs, and entities by type, by partition; and what made them differ.",
            "xner snapshots diff --out out/de",
        ),
        "rollback": Command(
            RollbackSettings,
            "xner_core.workflows.administration:rollback_snapshots",
            """Makes the state of an earlier snapshot the latest one again; those after it stay in the history.

            It is pinned: nightly runs do nothing until it is released.""",
            "xner snapshots rollback --out out/de --to 20261125T031502-5f0c21aa",
        ),
        "release": Command(
            ReleaseSettings,
            "xner_core.workflows.administration:release_snapshot",
            "Lets nightly runs publish again after a rollback; the next one brings the folder forward.",
            "xner snapshots release --out out/de",
        ),
        "collect": Command(
            CollectionSettings,
            "xner_core.workflows.administration:collect_garbage",
            "Deletes what neither a kept snapshot nor the present corpus needs, and the snapshots that are not kept.",
            "xner snapshots collect --out out/de --keep 14 --dry_run",
        ),
    },
)

TRAIN_STUDENT = Job(
    """Trains a student: a named entity tagger for the target language, on labels that were projected into it.

    Runs on this machine, on the cluster at RAY_ADDRESS, or under `ray job submit`. Run again after an interruption, it
    goes on from its last checkpoint. The student loads with pipeline("token-classification", model=OUT).""",
    Command(
        StudentSettings,
        "xner_core.engine.training_job:train_student",
        examples="""
xner train-student --labels out/de --out student
xner train-student --labels out/de,out/at --out student --student recipe.yaml --student.seed 2
""",
        renamed=_RENAMED_RECIPE,
    ),
)

TRAIN_TAGGER = Job(
    """Trains an English tagger on CoNLL files.

    A type that a file never marks is left open in it, so that data sets with different types can be mixed.""",
    Command(
        TaggerTrainingSettings,
        "xner_core.training.tagger_training:train_tagger",
        examples="xner train-tagger --train train.conll --dev dev.conll --out tagger",
    ),
)

TRAIN_ALIGNER = Job(
    """Trains an aligner from ingested parallel corpora and no human labels, or fits the training-free one to them.

    `examples` makes what aligners are trained on: names, and where weak signals agree that their counterparts are.
    `train` trains an aligner on them, and then on links that it finds itself from both sides. `fit` sets the constants
    of the training-free aligner: names that both sides of a pair hold letter for letter have a known answer, which
    decides the hidden layer that is compared, and how scores become a confidence. Name the folder as --aligner.model of
    `project` or `evaluate`.""",
    {
        "examples": Command(
            ExampleSettings,
            "xner_core.supervision.example_building:make_examples",
            """Makes examples: names of English texts and their counterparts, where weak signals agree.

            A corpus whose examples were made before with the same settings is left alone.""",
            "xner train-aligner examples --corpora corpora/en-de,corpora/en-zh --out examples",
            {"tagger": "tagger.model", "pairs": "pairs_per_corpus"},
        ),
        "train": Command(
            AlignerTrainingSettings,
            "xner_core.supervision.aligner_training:train_aligner",
            "Trains an aligner on examples, in rounds.",
            "xner train-aligner train --examples examples --encoder FacebookAI/xlm-roberta-base --out aligners/mine",
        ),
        "fit": Command(
            AlignerFitting,
            "xner_core.supervision.aligner_fitting:fit_aligner",
            "Fits the similarity aligner to an encoder and a language pair: hidden layer, temperature, confidence.",
            "xner train-aligner fit --corpus corpora/en-de --encoder FacebookAI/xlm-roberta-base --out aligners/en-de",
        ),
    },
)

EVALUATE = Job(
    "Scores taggers, students and aligners against gold annotation.",
    {
        "tagger": Command(
            TaggerEvaluation,
            "xner_core.evaluation.tagger_evaluation:evaluate_tagger",
            """Scores any tagger or student on a gold file, by type.

            Figures are strict, by entity span and type (seqeval).""",
            "xner evaluate tagger --tagger.model out/de/student --gold de.conll",
            {
                "model": "tagger.model",
                "label_map": "tagger.label_map",
                "precision": "tagger.precision",
                "conll": "gold",
                "labels": "types",
            },
        ),
        "student": Command(
            StudentEvaluation,
            "xner_core.evaluation.student_evaluation:evaluate_student",
            """Scores students of one or several seeds against direct transfer, strictly by entity span and type.

            Whether the difference is more than luck says a paired bootstrap over sentences and seeds.""",
            "xner evaluate student --students out/de/student --gold de.conll --labels out/de",
        ),
        "projection": Command(
            ProjectionEvaluation,
            "xner_core.evaluation.projection_evaluation:evaluate_projection",
            """Scores an aligner on hand-annotated sentence pairs, by the entities that it projects onto the other side.

            With --compare these are figures of several aligners.""",
            "xner evaluate projection --gold gold.jsonl --target fi --aligner.model aligners/mine",
            {
                "aligner": "aligner.model",
                "encoder": "aligner.encoder",
                "tagger": "tagger.model",
                "label_map": "tagger.label_map",
            },
        ),
    },
)

STUDY = Job(
    """Trains and scores students over corpus sizes, domains, losses and seeds, and draws how much corpus is enough.

    Runs on this machine, on the cluster at RAY_ADDRESS, or under `ray job submit`, cells side by side where there is
    room. Run again after an interruption, it goes on with what is not done.""",
    Command(
        StudySettings,
        "xner_core.engine.study_run:run_study",
        examples="""
xner study --config study.yaml
xner study --config study.yaml --domains each,news+wiki --sizes 2000
""",
        renamed=_RENAMED_RECIPE | {"pairs": "sizes"},
    ),
)

# By the names of the subcommands of `xner`.
JOBS: Mapping[str, Job] = {
    "project": PROJECT,
    "ingest": INGEST,
    "nightly": NIGHTLY,
    "snapshots": SNAPSHOTS,
    "consensus": CONSENSUS,
    "train-student": TRAIN_STUDENT,
    "train-tagger": TRAIN_TAGGER,
    "train-aligner": TRAIN_ALIGNER,
    "evaluate": EVALUATE,
    "study": STUDY,
}
