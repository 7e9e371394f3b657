"""Looks after the snapshots that nightly runs publish: lists, shows and compares them, goes back, and cleans up.

A snapshot that was gone back to stays the latest until it is released.

python jobs/snapshots.py list --out out/de
python jobs/snapshots.py diff --out out/de
python jobs/snapshots.py rollback --out out/de --to 20261125T031502-5f0c21aa
python jobs/snapshots.py release --out out/de
python jobs/snapshots.py collect --out out/de --keep 14 --dry_run
"""

from xner_core.cli.job import Command, run_job
from xner_core.snapshots.snapshot_settings import (
    CollectionSettings,
    DiffSettings,
    ListSettings,
    ReleaseSettings,
    RollbackSettings,
    ShowSettings,
)
from xner_core.workflows.administration import (
    collect_garbage,
    diff_snapshots,
    list_snapshots,
    release_snapshot,
    rollback_snapshots,
    show_snapshot,
)

COMMANDS = {
    "list": Command(ListSettings, list_snapshots),
    "show": Command(ShowSettings, show_snapshot),
    "diff": Command(DiffSettings, diff_snapshots),
    "rollback": Command(RollbackSettings, rollback_snapshots),
    "release": Command(ReleaseSettings, release_snapshot),
    "collect": Command(CollectionSettings, collect_garbage),
}

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
