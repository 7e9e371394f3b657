import pytest

from xner_core.engine.actor_pool import ActorPool, choose_pool
from xner_core.engine.cluster_settings import ClusterSettings

GIB = 1 << 30
SMALL = {"CPU": 2.0, "memory": 12 * GIB}
LARGE = {"CPU": 64.0, "memory": 48 * GIB}
GPUS = {"CPU": 16.0, "GPU": 2.0, "memory": 90 * GIB}
HEAD = {"memory": 8 * GIB}


@pytest.mark.parametrize(
    ("nodes", "settings", "device", "shards", "pairs", "expected"),
    [
        ([SMALL], {}, "cpu", 9, 10_000, (2, 1, 0)),
        ([SMALL] * 3, {}, "cpu", 9, 10_000, (6, 1, 0)),
        ([SMALL] * 3, {}, "cpu", 4, 10_000, (4, 1, 0)),
        ([SMALL] * 3, {}, "cpu", 9, 300, (1, 1, 0)),
        # Each of 16 actors has 3 GiB.
        ([HEAD, LARGE], {}, "cpu", 99, 10**6, (16, 4, 0)),
        ([HEAD, LARGE], {"cpus": 1.0}, "cpu", 99, 10**6, (64, 1, 0)),
        ([LARGE, SMALL], {"actors": 3}, "cpu", 99, 10**6, (3, 4, 0)),
        # 8 CPUs for each GPU are 2 for each of 4 actors that share it.
        ([HEAD, GPUS, GPUS], {}, "cuda", 99, 10**6, (16, 2, 0.25)),
        ([GPUS], {"gpus": 1.0}, "cuda", 99, 10**6, (2, 8, 1)),
        ([GPUS], {"cpus": 4.0}, "cuda", 99, 10**6, (4, 4, 0.5)),
        ([{"CPU": 2.0, "GPU": 4.0, "memory": 90 * GIB}], {}, "cuda", 99, 10**6, (2, 1, 1)),
    ],
)
def test_the_pool_fills_the_cluster(monkeypatch, nodes, settings, device, shards, pairs, expected):
    total = {name: sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU", "memory")}
    monkeypatch.setattr("ray.nodes", lambda: [{"Alive": True, "Resources": node} for node in nodes])
    monkeypatch.setattr("ray.cluster_resources", lambda: total)
    monkeypatch.setattr("xner_core.engine.resources.state.get_max_resources_from_cluster_config", dict)
    assert choose_pool(ClusterSettings(**settings), device, shards, pairs) == ActorPool(*expected)


def test_what_an_actor_takes():
    assert ActorPool(2, 1, 0).resources == {"CPU": 1}
    assert ActorPool(8, 2, 0.25).resources == {"CPU": 2, "GPU": 0.25}
    assert str(ActorPool(8, 2, 0.25)) == "8 actors, each with 2 CPUs and 0.25 of a GPU"
    assert str(ActorPool(1, 2, 0)) == "1 actor with 2 CPUs"
    assert (ActorPool(1, 1, 0).calls_at_once, ActorPool(1, 2, 0).calls_at_once, ActorPool(1, 1, 1).calls_at_once) == (
        1,
        2,
        2,
    )
