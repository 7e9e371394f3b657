"""What several test files share: a real S3 server, Ray and browser on this machine, and models of no size."""

import gc
import os
import shutil
import uuid
from collections.abc import Iterator

import pytest
import ray
import torch
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from chaos.flaky_store import BUCKET, environment, object_store
from chaos.tiny_models import save_tiny_encoder, save_tiny_tagger
from forked_workers import forked_workers

# Before anything reads it: no test asks a model hub.
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a SeaweedFS that runs for as long as the tests do."""
    with object_store(tmp_path_factory.mktemp("seaweedfs")) as port:
        yield port


@pytest.fixture(scope="session")
def s3_bucket(s3_port: int) -> Iterator[str]:
    """Address of a bucket on it; the AWS variables point to it."""
    with pytest.MonkeyPatch.context() as variables:
        for name, value in environment(s3_port).items():
            variables.setenv(name, value)
        yield f"s3://{BUCKET}"


@pytest.fixture
def s3_folder(s3_bucket: str) -> str:
    """Address of an empty folder in the bucket, a new one for each test."""
    return f"{s3_bucket}/{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def ray_session(s3_bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ray with 4 CPUs and a GPU, whatever this machine has, and with the S3 server in its workers' environment."""
    with pytest.MonkeyPatch.context() as environment:
        # Without a token: none of the user's is read or written.
        environment.setenv("RAY_AUTH_MODE", "disabled")
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.delenv("RAY_ADDRESS", raising=False)
        # As `ensure_ray` has it, which does not start this one.
        environment.setenv("OMP_WAIT_POLICY", "PASSIVE")
        # Ray Train asks so often whether its workers are done.
        environment.setenv("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
        with forked_workers(tmp_path_factory.mktemp("ray-workers")):
            ray.init(
                address="local",
                num_cpus=4,
                num_gpus=1,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
            )
            yield
            ray.shutdown()


@pytest.fixture(scope="session", autouse=True)
def _float32() -> Iterator[None]:
    """Labels are made in the same arithmetic whatever this machine has."""
    with pytest.MonkeyPatch.context() as patches:
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            patches.setattr(torch.cpu, name, lambda: False)
        yield


@pytest.fixture(autouse=True)
def _actors_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ray Data's actors end with the run, which the traceback of its failure keeps: as garbage."""
    yield
    if "ray_session" in request.fixturenames:
        gc.collect()


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of an encoder of XLM-R's kind with random weights: 2 layers, hidden size 32, a window of 128 tokens."""
    folder = tmp_path_factory.mktemp("tiny-encoder")
    save_tiny_encoder(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_tagger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of such a model with a random token classification head for PER, LOC and ORG, in an order of its own."""
    folder = tmp_path_factory.mktemp("tiny-tagger")
    save_tiny_tagger(folder)
    return str(folder)


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Iterator[Chrome]:
    """Chromium without a window; its log of the page is kept from each page to the next."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs chromium and chromedriver, on Debian: apt-get install chromium chromium-driver")
    options = ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options, ChromeService(driver))
    yield chrome
    chrome.quit()
