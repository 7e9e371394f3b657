"""What is ingested, and how it is kept."""

from dataclasses import dataclass, field

from jsonargparse.typing import ClosedUnitInterval, PositiveInt

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.naming import domain_name
from xner_core.text.languages import parse_language


@dataclass
class IngestSettings:
    """What is read, and how it is kept.

    Args:
        corpus: A file or folder of parallel text, local or s3://. Taken are all files of the language pair: Moses pairs
            (news.en.gz beside news.de.gz), .tsv, .tmx, .jsonl, .parquet, and OPUS .zip archives.
        out: Folder of the corpus to make, local or s3://. An earlier corpus of the same language pair is replaced.
        target: Language code of the target texts, as the files name it (de, zh, pt_BR).
        source: Language code of the source texts.
        domain: One domain for everything; otherwise that of the row, or the name of the file.
        shard_pairs: The most pairs in a shard.
        malformed_limit: The largest share of all lines that may be malformed (not UTF-8, too many columns, broken
            JSON …). Such lines are rejected; beyond it the ingest ends and names the first ten.
        cleaning: Which pairs are kept.
    """

    corpus: str
    out: str
    target: str
    source: str = "en"
    domain: str | None = None
    shard_pairs: PositiveInt = 4096
    malformed_limit: ClosedUnitInterval = 0.01
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            try:
                parse_language(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        if parse_language(self.source) == parse_language(self.target):
            raise ValueError(f"source and target are both {self.source}")
        if self.domain is not None and self.domain != domain_name(self.domain):
            raise ValueError(f"domain {self.domain!r} cannot name a folder; {domain_name(self.domain)!r} could")
