import itertools
import os
from functools import partial
from pathlib import Path

import pytest

from xner_core.engine.cluster_tasks import ClusterTasks
from xner_core.errors import StorageFailure, XnerError

pytestmark = pytest.mark.usefixtures("ray_session")


def test_results_come_in_order_from_other_processes():
    results = list(ClusterTasks().map(_with_process, range(20)))
    assert [number for number, _ in results] == list(range(20))
    assert os.getpid() not in {process for _, process in results}


def _with_process(number: int) -> tuple[int, int]:
    return number, os.getpid()


def test_items_are_taken_as_they_are_needed():
    numbers = itertools.count()
    results = ClusterTasks().map(partial(max, 3), numbers)
    assert [next(results) for _ in range(5)] == [3, 3, 3, 3, 4]
    assert next(numbers) < 20


def test_an_error_says_what_it_says():
    with pytest.raises(XnerError, match=r"^no item like 7$"):
        list(ClusterTasks().map(_refuse_seven, range(9)))


def _refuse_seven(number: int) -> int:
    if number == 7:
        raise XnerError("no item like 7")
    return number


def test_a_task_that_a_storage_fails_is_tried_again(tmp_path):
    assert list(ClusterTasks().map(_fail_at_first, [tmp_path / "one", tmp_path / "two"])) == ["one", "two"]


def _fail_at_first(tried: Path) -> str:
    if not tried.exists():
        tried.touch()
        raise StorageFailure("no answer")
    return tried.name
