"""The votes of a corpus of labels on its names, counted once for each set of labels."""

import time
from typing import Any

from xner_core.errors import XnerError
from xner_core.labels.consensus import consensus_fingerprint, count_votes, write_votes
from xner_core.labels.label_files import find_label_files
from xner_core.snapshots.repository import label_addresses
from xner_core.storage.files import locate
from xner_core.storage.outputs import require_folder
from xner_core.text.languages import distinct_languages
from xner_core.workflows.consensus_settings import ConsensusSettings


def build_consensus(settings: ConsensusSettings) -> dict[str, Any]:
    """Counts what all labels say of each name, and writes for each label file what that means for its entities.

    The labels themselves are left as they are. Memory grows with the number of different names, not with the corpus.

    Raises:
        XnerError: no labels, or labels of several target languages.
    """
    started = time.monotonic()
    require_folder("out", settings.out)
    files = find_label_files(label_addresses(settings.labels))
    languages = distinct_languages(file.language for file in files)
    if len(languages) > 1:
        raise XnerError(f"labels of {', '.join(languages)}; names of one target language vote together: name one")
    own = consensus_fingerprint(files)
    out = locate(settings.out) / own
    done = {file.relative_to(out) for file in out.files()}
    missing = [file for file in files if file.name not in done]
    result = {"consensus": str(out), "fingerprint": own, "files": len(files), "written": len(missing)}
    if not missing:
        return result | {"status": "nothing to do", "reason": f"the votes of all {len(files)} files are in {out}"}
    evidence = count_votes(files)
    recovered = write_votes(evidence, missing, out)
    seconds = time.monotonic() - started
    names = {"source_names": len(evidence.types), "target_names": len(evidence.marks), "recovered": recovered}
    print(f"{out}: votes on {len(evidence.marks)} names; {len(missing)} files written, {recovered} names recovered")
    return {"status": "done"} | result | names | {"seconds": round(seconds, 1)}
