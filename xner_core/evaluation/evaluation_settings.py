"""What is scored on what."""

from dataclasses import dataclass, field
from typing import Literal

from jsonargparse.typing import NonNegativeInt, PositiveInt

from xner_core.alignment.aligner_kinds import SIMILARITY
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.models.model_settings import STARTER, Device, Precision
from xner_core.tagging.tagger_settings import TaggerSettings


@dataclass(frozen=True)
class TaggerEvaluation:
    """What is scored on what.

    Args:
        gold: CoNLL file, or JSON lines as in `projection` (.jsonl); plain, .gz or .xz
        tagger: the tagger or student to score
        types: entity types to score; all that the file marks if none are given
        language: which side of JSON lines is scored
    """

    gold: str
    tagger: TaggerSettings = field(default_factory=TaggerSettings)
    types: list[str] | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        _require_types(self.types)


@dataclass(frozen=True)
class StudentEvaluation:
    """What is scored on what.

    Args:
        students: folders of a student, trained with one seed or several
        gold: CoNLL file of the target language, or JSON lines as in `projection` (.jsonl); plain, .gz or .xz
        baselines: taggers that are applied to the target language as they are, of one seed or several: a Hugging Face
            name, a folder, local or s3://, or `starter`
        label_map: of the baselines: `conll`, `ontonotes`, or a map from their entity types to those of the gold
        types: entity types to score; those that the gold marks and all models find if none are given
        language: which side of JSON lines is scored
        labels: what the students were trained on, as in xner train-student, to score entities seen there apart
        domains: domains of these that they were trained on; all without it
        pairs: size of the sample of these that they were trained on; all without it
        device: `cpu`, `cuda`, or `auto`, which is a GPU where the machine has one
        precision: of the models' arithmetic; bfloat16 is faster where the hardware has it, and moves scores slightly
        draws: of the bootstrap
        examples: of each kind of mistake
        seed: of the bootstrap and of the choice of examples
    """

    students: list[str]
    gold: str
    baselines: list[str] = field(default_factory=lambda: [STARTER])
    label_map: str | dict[str, str] = "conll"
    types: list[str] | None = None
    language: str | None = None
    labels: list[str] = field(default_factory=list)
    domains: list[str] | None = None
    pairs: PositiveInt | None = None
    device: Device = "auto"
    precision: Precision = "float32"
    draws: PositiveInt = 10_000
    examples: NonNegativeInt = 3
    seed: NonNegativeInt = 1

    def __post_init__(self) -> None:
        if not self.students or not self.baselines:
            raise ValueError("name at least one student, and at least one baseline")
        _require_types(self.types)


@dataclass(frozen=True)
class ProjectionEvaluation:
    """What is scored on what.

    Args:
        gold: JSON lines (plain, .gz or .xz), one sentence a line, in several languages:
            {"id": …, "en": {"tokens": […], "tags": […], "text": …}, "de": {…}}; IOB2 tags; "text" may be missing
        target: language that entities are projected into
        source: language that they come from
        aligner: the aligner; in a comparison, its encoder is that of `similarity` and of SimAlign
        entities: project the gold entities of the source side, or those that a tagger finds there
        tagger: the tagger
        compare: score several aligners, `aligners` and `rivals`, in place of `aligner`
        aligners: which of xner's own are compared, each a name as in aligner.model
        rivals: which tools they are compared with; these come with the extra `rivals`
        rival_corpus: folder of the ingested corpus that statistical rivals are trained on
    """

    gold: str
    target: str
    source: str = "en"
    aligner: AlignerSettings = field(default_factory=AlignerSettings)
    entities: Literal["gold", "tagger"] = "gold"
    tagger: TaggerSettings = field(default_factory=TaggerSettings)
    compare: bool = False
    aligners: list[str] = field(default_factory=lambda: [STARTER, SIMILARITY])
    rivals: list[Literal["simalign", "eflomal"]] = field(default_factory=lambda: ["simalign", "eflomal"])
    rival_corpus: str | None = None

    def __post_init__(self) -> None:
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source!r}")
        if self.compare and not self.aligners + self.rivals:
            raise ValueError("nothing to compare: name aligners, or rivals")
        if self.compare and "eflomal" in self.rivals and self.rival_corpus is None:
            raise ValueError(
                "eflomal is trained on parallel text: name an ingested corpus as rival_corpus, or other rivals"
            )


def _require_types(types: list[str] | None) -> None:
    if types is not None and not types:
        raise ValueError("types: name at least one entity type")
