"""Measures how fast every stage is, beside an earlier checkout, and whether it is as fast as it must be.

git worktree add /tmp/baseline 4b02e93
python benchmarks/throughput.py --baseline /tmp/baseline --json throughput.json --check
python benchmarks/throughput.py --rows tag,align --corpus parallel/en-de --domain news --pairs 6000
python benchmarks/throughput.py --rows scale --made 1000000 --folder scale-1m --rounds 1
python benchmarks/throughput.py --device cuda
python benchmarks/throughput.py --smoke --check

Each line of the table is the median of several rounds, each in a process of its own, in turn with the baseline's. Its
memory is the peak of the driver, of the largest other process, and of all without what they share. Without --corpus the
models read pairs that are made up of the bundled sample. floors.yaml holds the targets and the floors that --check
looks at: with --smoke, which measures nothing, exact counts alone.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from throughput_rows.catalogue import ROWS
from throughput_rows.floors import missed_counts, missed_floors, read_floors, table
from throughput_rows.measured import Work, not_run
from throughput_rows.running import Line, run_row

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ROOT / "benchmarks" / "floors.yaml"
_SMOKE_PAIRS, _SMOKE_MADE = 48, 400
_FAILED = "failed"


def parser() -> argparse.ArgumentParser:
    """The flags. Not those of a job: where GPUs are, there may be nothing but PyTorch and Transformers."""
    about, _, rest = (__doc__ or "").partition("\n\n")
    flags = argparse.ArgumentParser(
        description=about, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--rows", help=f"which, separated by commas, of {', '.join(ROWS)}")
    flags.add_argument("--baseline", type=Path, help="an earlier checkout, to be measured in turn with this one")
    flags.add_argument("--corpus", help="folder of <domain>.en and <domain>.de, plain or .gz, that the models read")
    flags.add_argument("--domain", default="news", help="of that corpus")
    flags.add_argument("--pairs", type=int, default=600, help="that the models read")
    flags.add_argument("--made", type=int, default=50_000, help="made-up pairs of the rows without models")
    flags.add_argument("--tagger", default="starter")
    flags.add_argument("--aligner", default="starter")
    flags.add_argument("--encoder", default="starter", help="that is shared with other packages")
    flags.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    flags.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the models' arithmetic")
    flags.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="CPUs of the cluster")
    flags.add_argument("--rounds", type=int, default=5)
    flags.add_argument("--folder", type=Path, help="where what is made is kept, and found again")
    flags.add_argument("--json", type=Path, help="also write the table to this file")
    flags.add_argument("--check", action="store_true", help="exit status 1 if a line misses its floors")
    flags.add_argument("--smoke", action="store_true", help="all rows at a tiny size, for their counts")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, and says by the exit status whether floors were missed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    flags = parser()
    given = flags.parse_args(arguments)
    names = given.rows.split(",") if given.rows else [name for name, row in ROWS.items() if not row.named]
    if unknown := [name for name in names if name not in ROWS]:
        flags.error(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if given.smoke:
        given.pairs, given.made, given.rounds = _SMOKE_PAIRS, _SMOKE_MADE, 1
    floors = read_floors(FLOORS)
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="throughput-") as temporary:
        folder = (given.folder or Path(temporary)).absolute()
        for name in names:
            lines += _lines(name, given, folder)
    print(table(lines, floors))
    if given.json:
        given.json.write_text(json.dumps({"arguments": vars(given), "lines": _records(lines)}, default=str, indent=1))
    failed = [f"{line.name} {line.present.not_run}" for line in lines if line.present.not_run.startswith(_FAILED)]
    missed = missed_counts(lines, floors) if given.smoke else missed_floors(lines, floors)
    for line in failed + (missed if given.check else []):
        print(f"missed: {line}", file=sys.stderr)
    return int(bool(failed) or (given.check and bool(missed)))


def _records(lines: Sequence[Line]) -> list[dict]:
    return [line.record() for line in lines]


def _lines(name: str, given: argparse.Namespace, folder: Path) -> list[Line]:
    row = ROWS[name]
    if row.device and row.device != given.device:
        command = f"python benchmarks/throughput.py --rows {name} --device {row.device}"
        return [Line(name, name, not_run("", f"no {row.device} here: {command}"), None, None)]
    work = Work(
        row=name,
        inputs=str(folder / "inputs"),
        scratch=str(folder / "scratch"),
        **{
            field: getattr(given, field)
            for field in ("pairs", "made", "tagger", "aligner", "encoder", "threads", "workers", "device", "smoke")
        },
    )
    Path(work.scratch).mkdir(parents=True, exist_ok=True)
    if row.needs:
        from throughput_rows.inputs import prepare

        prepare(Path(work.inputs), set(row.needs), given.pairs, given.made, given.corpus, given.domain)
    try:
        return run_row(name, row, work, given.rounds, ROOT, given.baseline and given.baseline.absolute())
    except subprocess.CalledProcessError as error:
        print(error.output, file=sys.stderr)
        why = f"{_FAILED} with exit status {error.returncode}"
        return [Line(name, name, not_run("", why), None, None)]


if __name__ == "__main__":
    sys.exit(main())
