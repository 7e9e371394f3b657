"""All rows by their names."""

from throughput_rows.measured import LABEL_FILES, MODELS, PAIRS, TEXT
from throughput_rows.running import Row

ROWS = {
    "tag": Row("stage_rows:tag", (PAIRS,)),
    "align": Row("stage_rows:align", (PAIRS,)),
    "host": Row("stage_rows:host", (PAIRS, MODELS), single=True),
    "projection": Row("projection_rows:projection", (PAIRS,)),
    "ingest": Row("corpus_rows:ingest", (TEXT,), single=True),
    "consensus": Row("corpus_rows:consensus", (LABEL_FILES,), single=True),
    "planning": Row("training_rows:planning", (LABEL_FILES, MODELS), single=True),
    "features": Row("training_rows:features", (LABEL_FILES, MODELS), single=True),
    "pipeline": Row("rival_rows:against_pipeline", (PAIRS,)),
    "simalign": Row("rival_rows:against_simalign", (PAIRS,)),
    "share": Row("rival_rows:share_of_matrix_rate", (PAIRS,)),
    "nodes": Row("scale_rows:nodes", (TEXT, MODELS), of_present=True),
    "scale": Row("scale_rows:scale", (TEXT, MODELS), of_present=True, named=True),
    "gpu": Row("gpu_rows:gpu", (PAIRS, MODELS), device="cuda"),
}
