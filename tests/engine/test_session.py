import pytest
import ray

from xner_core.engine.session import check_address, ensure_ray
from xner_core.errors import RunFailure, XnerError


@pytest.fixture
def unconnected(monkeypatch):
    """As if Ray was not started yet, whatever other tests have done."""
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "https://head:8265"])
def test_the_address_of_the_server_of_jobs_is_refused(monkeypatch, unconnected, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    for check in (check_address, ensure_ray):
        with pytest.raises(XnerError, match=r"RAY_API_SERVER_ADDRESS") as refused:
            check()
        assert not isinstance(refused.value, RunFailure)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    check_address()


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (
            ValueError("Invalid address format: x\nmore"),
            XnerError,
            "RAY_ADDRESS=x: Invalid address format: x; ",
        ),
        (ConnectionError("Could not find any running Ray instance."), RunFailure, "no cluster answers there"),
    ],
)
def test_an_address_where_no_cluster_is(monkeypatch, unconnected, raised, expected, message):
    def init(**_):
        raise raised

    monkeypatch.setenv("RAY_ADDRESS", "x")
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(expected, match=message):
        ensure_ray()
