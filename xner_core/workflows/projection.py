"""The main job: from parallel text to labels, and on to a trained and scored student."""

from typing import Any

from xner_core.alignment.aligner_check import check_aligner
from xner_core.engine.projection_graph import run_projection
from xner_core.engine.session import check_address
from xner_core.evaluation.gold_check import check_gold
from xner_core.models.loading import encoder_folder, tagger_folder
from xner_core.projection.plan import ProjectionPlan, plan_projection, projection_parts
from xner_core.snapshots.differences import changed_parts
from xner_core.snapshots.lease import Lease
from xner_core.snapshots.manifest import LABELS, TAGS
from xner_core.snapshots.repository import open_snapshot, require_released
from xner_core.snapshots.state import publish_state, published_labels
from xner_core.storage.files import locate
from xner_core.storage.outputs import require_folder, require_lasting
from xner_core.tagging.tagger_check import check_tagger
from xner_core.workflows.arithmetic import settle
from xner_core.workflows.corpus import current_corpus
from xner_core.workflows.projection_settings import ProjectionSettings
from xner_core.workflows.student import train_and_score

# Pairs per second where no run has left its own (docs/results.md).
USUAL_SPEED = 25


def project_corpus(settings: ProjectionSettings) -> dict[str, Any]:
    """Projects a corpus; with `then_train`, trains a student on the labels and scores it.

    `warnings` says what may not be meant: types that the label map leaves out, or that no entity was found.
    """
    warnings = check_settings(settings)
    with Lease(locate(settings.out), "project_corpus") as lease:
        result = bring_up_to_date(settings, lease)
        unfinished = result.pop("unfinished")
        if settings.then_train:
            result |= train_and_score(settings, result["snapshot"])
    if not unfinished and result.get("training", {}).get("status") != "done":
        result |= {"status": "nothing to do", "reason": f"all {result['shards']} shards have their labels already"}
    result["warnings"] += warnings + count_warnings(result["labelled"])
    print(summary(result))
    return result


def check_settings(settings: ProjectionSettings) -> list[str]:
    """Looks at all that is named, before anything is made; returns warnings.

    Raises:
        XnerError: a model, an aligner, a gold file or a folder that will not do.
    """
    check_address()
    require_folder("out", settings.out)
    if settings.corpus is not None:
        require_lasting("corpus", settings.corpus)
    types, warnings = check_tagger("tagger.model", settings.tagger.model, settings.tagger.label_map)
    check_aligner(settings.aligner)
    if settings.then_train:
        recipe = settings.student
        (tagger_folder if recipe.start == "tagger" else encoder_folder)(recipe.model)
        if recipe.dev is not None:
            check_gold("student.dev", recipe.dev)
        if settings.gold is not None:
            check_gold("gold", settings.gold, settings.target, settings.gold_types, {"the tagger": types})
    return warnings


def count_warnings(labelled: dict[str, Any]) -> list[str]:
    """What the counts of labels say about settings that may not be meant."""
    if labelled["pairs"] and not labelled["entities"]:
        return [
            "no entity was found in any source text: see tagger.model and tagger.label_map, and the source language"
        ]
    if labelled["entities"] and not labelled["projected"]:
        return ["no entity was found in any target text: see aligner.model, and that the texts are translations"]
    return []


def bring_up_to_date(settings: ProjectionSettings, lease: Lease) -> dict[str, Any]:
    """Ingests the corpus, labels the shards that have no labels yet, and publishes the state if it is a new one.

    Returns:
        what was done; `unfinished` is the number of shards that had no labels, or damaged ones

    Raises:
        LeaseLost: another run has taken the lease on the folder.
    """
    out = lease.folder
    require_released(lease)
    corpus, ingested = current_corpus(settings, out)
    settings = settle(settings, lease)
    known = published_labels(lease)
    plan = plan_projection(corpus, out, settings.tagger, settings.aligner, known)
    parts = projection_parts(settings.tagger, settings.aligner)
    rate = announce(plan, lease, parts)
    plan, counts = run_projection(plan, settings.tagger, settings.aligner, settings.cluster, settings.faults, rate)
    result: dict[str, Any] = {
        "status": "done",
        "unfinished": counts["projected_shards"],
        "corpus": str(corpus.location),
        "labels": str(plan.labels),
        "labels_fingerprint": plan.labels_fingerprint,
        "tags_fingerprint": plan.tags_fingerprint,
        "pairs": {name: corpus.manifest[name] for name in ("read", "kept", "rejected")},
        "shards": len(plan.tasks),
        "warnings": ingested.get("warnings", []),
        "labelled": counts,
    }
    return result | {"snapshot": publish_state(lease, corpus, plan, parts=parts, pairs_per_second=speed(counts)).name}


def announce(plan: ProjectionPlan, lease: Lease, parts: dict[str, Any]) -> float | None:
    """Says what is made again because a model, a setting or a version is another one now, and about how long it takes.

    Args:
        plan: what is to be done
        lease: on the folder, with its latest snapshot
        parts: what the plan's fingerprints were taken of

    Returns:
        pairs per second of the run before, if there was one
    """
    pairs = sum(task.pairs for task in plan.unfinished())
    if not pairs or not lease.snapshot:
        return None
    before = open_snapshot(lease.folder).description
    known = before.counts.get("pairs_per_second")
    changed = changed_parts(before, {TAGS: plan.tags_fingerprint, LABELS: plan.labels_fingerprint}, parts)
    if not changed:
        return known
    minutes = max(1, round(pairs / (known or USUAL_SPEED) / 60))
    rate = f"{known:.1f} pairs/s, as before" if known else f"{USUAL_SPEED} pairs/s, as the starter models on two cores"
    total = sum(task.pairs for task in plan.tasks)
    print(
        f"made again: {pairs:,} of {total:,} pairs get new labels, about {minutes} min at {rate}. "
        f"Snapshot {before.name} was made otherwise: {'; '.join(changed)}",
        flush=True,
    )
    return known


def speed(counts: dict[str, Any]) -> float | None:
    """Pairs per second of a projection, start-up included; None if it had nothing to do."""
    pairs = counts.get("projected_pairs")
    return round(pairs / max(counts["seconds"], 1e-3), 2) if pairs else None


def summary(result: dict[str, Any]) -> str:
    """A few lines for a person: what was read, found, projected and scored, and where it lies."""
    pairs, labelled = result["pairs"], result["labelled"]
    lines = [
        f"pairs     {pairs['read']} read, {pairs['kept']} kept{_reasons('rejected', pairs['rejected'])}",
        f"entities  {labelled['entities']} found, {labelled['projected']} projected"
        + _reasons("unknown", labelled["unknown_by_reason"]),
    ]
    if labelled["quarantined"]:
        lines.append(f"set aside {labelled['quarantined']} pairs in quarantine; the column `quarantine` says why")
    if rate := speed(labelled):
        lines.append(f"speed     {rate:.1f} pairs/s, start-up included")
    for name, scores in result.get("scores", {}).items():
        lines.append(f"F1        {scores['f1']:.3f} {name}, on {', '.join(scores['labels'])} of {scores['conll']}")
    lines += [f"{name:<9} {result[name]}" for name in ("corpus", "labels", "snapshot", "student") if name in result]
    lines += [f"warning   {warning}" for warning in result.get("warnings", [])]
    return "\n".join(lines)


def _reasons(what: str, counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    reasons = ", ".join(f"{reason} {count}" for reason, count in ordered if count)
    return f", {sum(counts.values())} {what}" + (f" ({reasons})" if reasons else "")
