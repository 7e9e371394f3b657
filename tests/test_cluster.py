"""The files of cluster/ against the parser of the job that they run, and against each other."""

import json
import re
import runpy
import shlex
from pathlib import Path

import jsonschema
import ray
import yaml

from xner_core import __version__
from xner_core.cli.job import build_parser

ROOT = Path(__file__).parent.parent


def parse(command: str):
    """What the parser of a job makes of a command line, `jobs/<job>.py …`."""
    script, *arguments = shlex.split(command)
    job = runpy.run_path(str(ROOT / script))
    return build_parser(job["JOB"]).parse_args(arguments)


def rayjob() -> dict:
    return yaml.safe_load((ROOT / "cluster" / "rayjob.yaml").read_text())


def launcher() -> dict:
    return yaml.safe_load((ROOT / "cluster" / "launcher.yaml").read_text())


def test_the_rayjob_runs_a_command_that_is_understood_and_fits_its_cluster():
    spec = rayjob()["spec"]
    assert spec["entrypoint"].startswith("python jobs/")
    settings = parse(spec["entrypoint"].removeprefix("python "))
    workers = spec["rayClusterSpec"]["workerGroupSpecs"][0]
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    for resource, per_worker in (("gpus", limits["nvidia.com/gpu"]), ("cpus", limits["cpu"])):
        demand = settings.cluster.actors * getattr(settings.cluster, resource)
        assert demand == workers["maxReplicas"] * float(per_worker)


def test_the_rayjob_has_the_fields_of_kuberay():
    """Names and values of the fields used, after KubeRay 1.7's RayJob definition."""
    job = rayjob()
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    assert set(spec) <= {
        "entrypoint",
        "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished",
        "activeDeadlineSeconds",
        "preRunningDeadlineSeconds",
        "backoffLimit",
        "submissionMode",
        "rayClusterSpec",
    }
    assert spec["submissionMode"] in ("K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode")
    assert spec["preRunningDeadlineSeconds"] < spec["activeDeadlineSeconds"]
    assert set(spec["rayClusterSpec"]) <= {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    head = spec["rayClusterSpec"]["headGroupSpec"]
    assert set(head) <= {"rayStartParams", "template"}
    for worker in spec["rayClusterSpec"]["workerGroupSpecs"]:
        assert set(worker) <= {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
        assert worker["minReplicas"] <= worker["replicas"] <= worker["maxReplicas"]
    for group in (head, *spec["rayClusterSpec"]["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        for container in group["template"]["spec"]["containers"]:
            assert container["image"] == f"xner:{__version__}"


def test_the_launcher_file_is_valid_by_rays_own_schema():
    schema = json.loads((Path(ray.__path__[0]) / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(launcher(), schema)


def test_the_launcher_installs_and_excludes_what_exists():
    setup = " ".join(launcher()["setup_commands"])
    for name in re.findall(r"--constraint (\S+)", setup):
        assert (ROOT / name).is_file()
    assert setup.endswith(" --editable .")
