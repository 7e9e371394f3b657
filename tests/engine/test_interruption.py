"""Real jobs that get Ctrl-C or SIGTERM: how they end, what they say, and that nothing of them is left."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
LINE = "interrupted; what is finished is kept, and the same command goes on from there"
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
# Its children ignore SIGTERM, sit in a session of their own, or wait in a pool of multiprocessing.
JOB = """
import dataclasses, multiprocessing, subprocess, sys, time
from xner_core.cli.job import Command, Job, run_job

@dataclasses.dataclass(frozen=True)
class Settings:
    '''Settings.'''

    names: list[str] = dataclasses.field(default_factory=list)

def work(settings):
    '''Works.'''
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    child.stdout.readline()
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(abs, (1,))
        print("ready", flush=True)
        time.sleep(600)

if __name__ == "__main__":
    run_job(Job("A job.", Command(Settings, work)))
"""  # noqa: E501


def interrupt(command: list[str], folder: Path, ready: str, number: signal.Signals, group: bool) -> tuple[int, str]:
    """Starts a job, sends it a signal once it has printed a line, and returns its exit status and all that it printed.

    Fails if a process that it had started is still there when it has ended.
    """
    log = folder / "log"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled", "HF_HUB_OFFLINE": "1"}
    environment.pop("RAY_ADDRESS", None)
    with open(log, "wb") as stream:
        job = subprocess.Popen(
            command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True, env=environment
        )
    children: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 240
        while ready not in log.read_text(errors="replace"):
            assert job.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        children = psutil.Process(job.pid).children(recursive=True)
        (os.killpg if group else os.kill)(job.pid, number)
        status = job.wait(90)
        # Resource trackers end at the very end of what they track for.
        _, left = psutil.wait_procs(children, 5)
        assert not left, left
        return status, log.read_text(errors="replace")
    finally:
        for process in [job, *children]:
            if process is not job or job.poll() is None:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


@pytest.mark.parametrize(("number", "group"), [(signal.SIGINT, False), (signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_job_ends_in_one_line_and_leaves_nothing(tmp_path, number, group):
    (tmp_path / "job.py").write_text(JOB)
    command = [sys.executable, str(tmp_path / "job.py")]
    status, printed = interrupt(command, tmp_path, "ready", number, group)
    assert status == STATUS[number]
    assert printed.splitlines()[-1] == LINE
    if not group:
        # Children that get Ctrl-C as well may say so themselves.
        assert "Traceback" not in printed


@pytest.fixture
def projection(tiny_tagger, tiny_encoder, tmp_path) -> list[str]:
    """The command of a projection of 3,000 pairs in small shards."""
    text = tmp_path / "text"
    text.mkdir()
    for language, pattern in (("en", "Anna Weber saw Bonn on day {}."), ("de", "Am Tag {} sah Anna Weber Bonn.")):
        (text / f"news.{language}").write_text("".join(pattern.format(i) + "\n" for i in range(3000)))
    command = [sys.executable, "-W", "ignore", "jobs/project_corpus.py", "--corpus", str(text), "--target", "de"]
    command += ["--out", str(tmp_path / "out"), "--shard_pairs", "30", "--cleaning.identify_language", "false"]
    command += ["--tagger.model", tiny_tagger, "--aligner.model", "similarity", "--aligner.encoder", tiny_encoder]
    return [*command, "--aligner.min_confidence", "0"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_projection(projection, tmp_path, number, group):
    status, printed = interrupt(projection, tmp_path, "pairs/s", number, group)
    assert (status, printed.splitlines()[-1]) == (STATUS[number], LINE)
    assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize(("number", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_training(projection, tiny_tagger, tmp_path, number, group):
    """The projection's labels are those of random weights, so that everything is to be trusted."""
    few = [argument if argument != "30" else "4096" for argument in projection]
    assert subprocess.run(few, cwd=ROOT, capture_output=True, timeout=240).returncode == 0
    command = [sys.executable, "-W", "ignore", "jobs/train_student.py", "--labels", f"[{tmp_path}/out]"]
    command += ["--out", str(tmp_path / "student"), "--student.model", tiny_tagger, "--student.held_out", "10"]
    command += ["--student.optimisation.epochs", "500", "--student.optimisation.precision", "float32"]
    for name in ("learnt", "masked", "mentions", "names", "outlier"):
        command += [f"--student.trust.{name}", "0"]
    command += ["--student.trust.lowercase", "1"]
    status, printed = interrupt(command, tmp_path, "step ", number, group)
    assert (status, printed.splitlines()[-1]) == (STATUS[number], LINE)
    assert "Traceback" not in printed
