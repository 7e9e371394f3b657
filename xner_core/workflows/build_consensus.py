"""The votes of a corpus of labels on its names, counted once for each set of labels."""

import time
from typing import Any

from xner_core.engine.cluster_tasks import ClusterTasks
from xner_core.errors import XnerError
from xner_core.labels.consensus import WORK, consensus_fingerprint, write_votes
from xner_core.labels.label_files import find_label_files
from xner_core.labels.vote_counting import count_votes
from xner_core.snapshots.repository import label_addresses
from xner_core.storage.files import locate
from xner_core.storage.outputs import require_folder
from xner_core.storage.tasks import InProcess, Tasks
from xner_core.text.languages import distinct_languages
from xner_core.workflows.consensus_settings import ConsensusSettings

# The labels of a million pairs take a core less than a minute; a cluster has hardly started by then.
_FILES_IN_PROCESS = 256
# In the folder of all votes, the keys of the names of each label file.
_KEYS = "keys"


def build_consensus(settings: ConsensusSettings) -> dict[str, Any]:
    """Counts what all labels say of each name, and writes for each label file what that means for its entities.

    The labels themselves are left as they are. Memory grows with the number of different names, not with the corpus.
    Many files are counted on the cluster. What an interrupted run has done is not done again.

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
        (out / WORK).delete_folder()
        return result | {"status": "nothing to do", "reason": f"the votes of all {len(files)} files are in {out}"}
    tasks: Tasks = ClusterTasks() if len(files) > _FILES_IN_PROCESS else InProcess()
    counting = count_votes(files, locate(settings.out) / _KEYS, out / WORK, tasks)
    recovered = write_votes(missing, counting, out, tasks)
    names = {"source_names": counting.count("sources"), "target_names": counting.count("targets")}
    (out / WORK).delete_folder()
    seconds = time.monotonic() - started
    print(f"{out}: votes on {names['target_names']} names; {len(missing)} files written, {recovered} names recovered")
    return {"status": "done"} | result | names | {"recovered": recovered, "seconds": round(seconds, 1)}
