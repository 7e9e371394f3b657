"""The nightly job: brings the labels of a corpus that changes up to date, and publishes them as a snapshot."""

import logging
import time
from typing import Any

from xner_core.corpus.layout import Corpus
from xner_core.engine.projection_graph import run_projection
from xner_core.errors import XnerError
from xner_core.projection.plan import ProjectionPlan, plan_projection, projection_parts
from xner_core.snapshots.collection import TRAINED_ON, delete, find_garbage
from xner_core.snapshots.differences import difference
from xner_core.snapshots.lease import Lease, LeaseHeld
from xner_core.snapshots.repository import Snapshot, SnapshotPinned, open_snapshot, require_released
from xner_core.snapshots.state import publish_state, published_labels, published_state
from xner_core.storage.files import Location, locate, read_json, write_json
from xner_core.storage.hashing import fingerprint
from xner_core.workflows.arithmetic import settle
from xner_core.workflows.build_consensus import build_consensus
from xner_core.workflows.consensus_settings import ConsensusSettings
from xner_core.workflows.corpus import current_corpus
from xner_core.workflows.projection import announce, check_settings, count_warnings, speed
from xner_core.workflows.projection_settings import NightlySettings
from xner_core.workflows.student import train_and_score

logger = logging.getLogger(__name__)


def reproject(settings: NightlySettings) -> dict[str, Any]:
    """Ingests what changed, projects the shards that have no labels yet, publishes, trains, and cleans up.

    Run again when nothing has changed, it does nothing; nor while another run is at work in the same folder, or after a
    rollback that was not released.
    """
    started = time.monotonic()
    warnings = check_settings(settings)
    result: dict[str, Any]
    try:
        with Lease(locate(settings.out), "nightly_reproject", settings.lease) as lease:
            result = _run(settings, lease)
    except (LeaseHeld, SnapshotPinned) as error:
        result = {"status": "nothing to do", "reason": str(error)}
    if "labelled" in result:
        warnings = warnings + count_warnings(result["labelled"])
    result["warnings"] = warnings
    result["seconds"] = round(time.monotonic() - started, 1)
    print(report(result))
    return result


def _run(settings: NightlySettings, lease: Lease) -> dict[str, Any]:
    require_released(lease)
    corpus, ingested = current_corpus(settings, lease.folder)
    settings = settle(settings, lease)
    plan = plan_projection(corpus, lease.folder, settings.tagger, settings.aligner, published_labels(lease))
    before = open_snapshot(lease.folder) if lease.snapshot else None
    snapshot, labelled = _project(settings, lease, corpus, plan)
    result: dict[str, Any] = {
        "status": "done",
        "out": str(lease.folder),
        "snapshot": snapshot.name,
        "published": before is None or before.name != snapshot.name,
        "ingested": {
            name: ingested[name] for name in ("sources", "pairs_read", "rejected", "warnings") if name in ingested
        },
        "shards": len(plan.tasks),
        "projected": {name: labelled.get(f"projected_{name}", 0) for name in ("shards", "pairs")},
        "projection_seconds": labelled.get("seconds", 0.0),
        "labelled": snapshot.description.counts["labelled"],
        "fingerprints": snapshot.description.fingerprints,
    }
    if before is not None:
        result["changes"] = difference(before, snapshot)
    if settings.then_train:
        result["training"] = _train(settings, lease, snapshot)
    if settings.keep is not None:
        result["deleted"] = _clean_up(lease, settings.keep)
    if not (
        result["published"]
        or result.get("training", {}).get("status") == "done"
        or result.get("deleted", {}).get("files")
    ):
        reason = f"nothing has changed since snapshot {snapshot.name} was published"
        result |= {"status": "nothing to do", "reason": reason}
    return result


def _project(
    settings: NightlySettings, lease: Lease, corpus: Corpus, plan: ProjectionPlan
) -> tuple[Snapshot, dict[str, Any]]:
    """The snapshot of the present corpus under the present models, and the counts of a projection if there was one."""
    latest = published_state(lease, corpus, plan)
    if (
        latest is not None
        and settings.then_consensus == ("consensus" in latest.description.fingerprints)
        and not (settings.faults.retry_quarantine and latest.description.counts["labelled"]["quarantined"])
    ):
        return latest, {}
    parts = projection_parts(settings.tagger, settings.aligner)
    rate = announce(plan, lease, parts)
    plan, labelled = run_projection(plan, settings.tagger, settings.aligner, settings.cluster, settings.faults, rate)
    lease.check()
    derived = {}
    if settings.then_consensus:
        labels = [task.labels_path for task in plan.tasks]
        votes = build_consensus(ConsensusSettings(labels, str(lease.folder / "consensus")))["consensus"]
        derived["consensus"] = locate(votes) / plan.labels_fingerprint
    note = f"{labelled['projected_shards']} of {len(plan.tasks)} shards projected"
    return publish_state(lease, corpus, plan, derived, note, parts, speed(labelled)), labelled


def _train(settings: NightlySettings, lease: Lease, snapshot: Snapshot) -> dict[str, Any]:
    """Trains a student if there is none of these settings, or enough has changed since there is one."""
    record = lease.folder / TRAINED_ON
    recipe = fingerprint(recipe=settings.student.determining())
    last = read_json(record) if record.exists() else {}
    if last.get("finished") and last["recipe"] == recipe:
        share = _changed_share(lease.folder, last["snapshot"], snapshot)
        if share < settings.retrain_share or last["snapshot"] == snapshot.name:
            return {
                "status": "nothing to do",
                "reason": f"{share:.1%} of the pairs have changed since the student was trained on {last['snapshot']}",
            }
    started = {"snapshot": snapshot.name, "recipe": recipe, "finished": False}
    write_json(record, started)
    result = train_and_score(settings, snapshot.name, resume=last == started)
    write_json(record, started | {"finished": True})
    return {"status": "done", "student": result["student"], "scores": result.get("scores", {})} | result["training"]


def _changed_share(folder: Location, name: str, now: Snapshot) -> float:
    """The share of the pairs that were added, removed, taken out of quarantine, or labelled by other models since."""
    try:
        before = open_snapshot(folder, name)
    except XnerError:
        # It was deleted, so it is long ago.
        return 1.0
    if before.description.fingerprints["labels"] != now.description.fingerprints["labels"]:
        return 1.0
    pairs = [partition["pairs"] for partition in difference(before, now)["partitions"].values()]
    labelled = [snapshot.description.counts["labelled"] for snapshot in (before, now)]
    changed = sum(counts["added"] + counts["removed"] for counts in pairs)
    changed += abs(labelled[0]["quarantined"] - labelled[1]["quarantined"])
    return min(1.0, changed / max(1, labelled[1]["pairs"]))


def _clean_up(lease: Lease, keep: int) -> dict[str, int]:
    garbage = find_garbage(lease.folder, keep)
    delete(lease, garbage)
    return {"snapshots": len(garbage.snapshots), "files": len(garbage.files), "bytes": garbage.bytes}


def report(result: dict[str, Any]) -> str:
    """A few lines for a person: what was new, what was done about it, and where it lies."""
    if "snapshot" not in result:
        return "\n".join([f"time      {result['seconds']} s", *(f"warning   {each}" for each in result["warnings"])])
    lines = []
    if sources := result["ingested"].get("sources"):
        changed = ", ".join(f"{number} {how}" for how, number in sources.items())
        lines.append(f"sources   {changed}; {result['ingested']['pairs_read']:,} pairs read")
    projected, labelled = result["projected"], result["labelled"]
    lines.append(f"projected {projected['shards']:,} of {result['shards']:,} shards, {projected['pairs']:,} pairs")
    lines.append(
        f"labels    {labelled['pairs']:,} pairs, {labelled['projected']:,} entities, "
        f"{labelled['quarantined']:,} pairs in quarantine"
    )
    for partition, change in result.get("changes", {}).get("partitions", {}).items():
        pairs = change["pairs"]
        types = ", ".join(
            f"{name} {count['before']:,} to {count['after']:,}" for name, count in change["entities"].items()
        )
        lines.append(
            f"changed   {partition}: {pairs['added']:,} pairs more, {pairs['removed']:,} fewer, "
            f"{pairs['relabelled']:,} with other labels; {types}"
        )
    if training := result.get("training"):
        lines.append(f"student   {training.get('reason') or 'trained, dev F1 {:.4f}'.format(training['dev']['f1'])}")
        lines += [f"F1        {score['f1']:.3f} {name}" for name, score in training.get("scores", {}).items()]
    if deleted := result.get("deleted"):
        lines.append(
            f"deleted   {deleted['snapshots']} snapshots, {deleted['files']:,} files, {deleted['bytes']:,} bytes"
        )
    lines.append(f"snapshot  {result['snapshot']}" + ("" if result["published"] else ", published before"))
    lines.append(f"time      {result['seconds']} s")
    lines += [f"warning   {warning}" for warning in result["warnings"]]
    return "\n".join(lines)
