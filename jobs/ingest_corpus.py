"""Makes a corpus of parallel text: reads files of many formats, cleans, removes duplicates, and writes Parquet shards.

python jobs/ingest_corpus.py --corpus opus/ --target de --out corpora/en-de
"""

from xner_core.cli.job import Command, run_job
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.workflows.corpus import ingest_alone

COMMANDS = Command(IngestSettings, ingest_alone)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
