import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xner_core.errors import RunFailure
from xner_core.projection.faults.fault_settings import FaultSettings
from xner_core.projection.faults.quarantine import RowFault, isolate


@given(st.lists(st.tuples(st.integers(), st.booleans()), max_size=40), st.booleans())
def test_only_the_rows_that_raise_are_lost(rows, whole):
    def run(batch):
        if any(poisoned for _, poisoned in batch):
            raise ValueError("poison")
        return [number + 1 for number, _ in batch]

    results, reasons = isolate(run, rows, whole)
    assert len(results) == len(reasons) == len(rows)
    for (number, poisoned), result, reason in zip(rows, results, reasons, strict=True):
        assert result == (None if poisoned else number + 1)
        assert ("poison" in reason) if poisoned else reason is None


@given(st.integers(1, 5000), st.data())
def test_a_bad_row_is_found_by_two_failures_more(size, data):
    """Each failure may mean that a model is loaded again."""
    bad = data.draw(st.integers(0, size - 1))
    calls, failures = [], []

    def run(batch):
        calls.append(len(batch))
        if bad in batch:
            failures.append(len(batch))
            raise RowFault("bad")
        return batch

    _, reasons = isolate(run, range(size))
    assert [i for i, reason in enumerate(reasons) if reason] == [bad]
    assert reasons[bad] == "bad"
    assert len(failures) <= 3
    assert len(calls) <= 2 * size**0.5 + 3
    assert sum(calls) <= 2 * size + size**0.5 + 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RunFailure("disk full"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
        torch.AcceleratorError("CUDA error: device-side assert triggered"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle)`"),
    ],
)
def test_what_is_no_rows_fault_stops_the_shard(error):
    def run(batch):
        raise error

    with pytest.raises(type(error)):
        isolate(run, [1, 2])


def test_the_job_stops_when_more_than_a_share_is_in_quarantine():
    faults = FaultSettings(quarantine_limit=0.01)
    faults.check(2, 200)
    with pytest.raises(RunFailure, match=r"3 of 200 pairs are in quarantine, more than faults.quarantine_limit = 0.01"):
        faults.check(3, 200)
    with pytest.raises(RunFailure):
        faults.check(1, 99)
    FaultSettings(quarantine_limit=1).check(10, 10)


def test_a_pair_alone_has_its_timeout_and_many_have_more():
    faults = FaultSettings(pair_timeout=10)
    assert 10 < faults.timeout(1) < 10.1
    assert faults.timeout(128) == 20
