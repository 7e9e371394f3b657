import numpy as np
import pytest
import torch

from xner_core.errors import XnerError
from xner_core.models.devices import is_device_failure, is_out_of_memory, local_device

# What PyTorch says, on NVIDIA's and AMD's GPUs.
DEVICE_FAILURES = [
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be reported later",
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: unspecified launch failure",
    "cudaErrorLaunchFailure",
    "CUDA error: uncorrectable ECC error encountered",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle, opa, opb, m, n, k)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "CUBLAS_STATUS_INTERNAL_ERROR",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "cusolver error: CUSOLVER_STATUS_EXECUTION_FAILED, when calling `cusolverDnSgetrf`",
    "Triton Error [CUDA]: an illegal memory access was encountered",
    "HIP error: an illegal memory access was encountered",
    "HIP error: unspecified launch failure",
    "CUDA error: HIPBLAS_STATUS_INTERNAL_ERROR when calling `hipblasSgemm`",
    "rocBLAS error: Cannot read /opt/rocm/lib/library: No such file or directory",
    "MIOpen Error: /MIOpen/src/hipoc/hipoc_program.cpp:304",
    "miopenStatusUnknownError",
]
OUT_OF_MEMORY = [
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB",
    "HIP out of memory. Tried to allocate 2.00 GiB.",
    "CUDA error: out of memory\nCUDA kernel errors might be reported later",
]
# Faults of a model or a text: another text may well do.
OTHERS = [
    ValueError("CUDA is no word of mine"),
    IndexError("index out of range in self"),
    RuntimeError("The size of tensor a (130) must match the size of tensor b (128) at non-singleton dimension 1"),
    RuntimeError("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"),
    RuntimeError("a text about: CUDA out of memory. Tried to allocate"),
    KeyError("out of memory"),
]


@pytest.mark.parametrize("text", DEVICE_FAILURES)
def test_a_device_that_has_failed_is_known_by_what_pytorch_says(text):
    for error in (torch.AcceleratorError(text), RuntimeError(text)):
        assert is_device_failure(error)
        assert not is_out_of_memory(error)


@pytest.mark.parametrize("text", OUT_OF_MEMORY)
def test_out_of_memory_is_no_failure_of_the_device(text):
    for error in (torch.OutOfMemoryError(text), torch.AcceleratorError(text), RuntimeError(text)):
        assert is_out_of_memory(error)
        assert not is_device_failure(error)


@pytest.mark.parametrize("allocate", [torch.empty, np.empty])
def test_a_host_that_is_out_of_memory_says_so(allocate):
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        allocate(10**15)
    assert is_out_of_memory(caught.value)
    assert not is_device_failure(caught.value)


@pytest.mark.parametrize("error", OTHERS)
def test_other_errors_are_neither(error):
    assert not is_out_of_memory(error)
    assert not is_device_failure(error)


@pytest.mark.parametrize("attribute", ["__cause__", "__context__"])
def test_errors_that_are_wrapped_are_known(attribute):
    for inner, known in ((torch.AcceleratorError("x"), is_device_failure), (MemoryError("x"), is_out_of_memory)):
        outer = ValueError("wrapped")
        setattr(outer, attribute, inner)
        assert known(outer)


@pytest.mark.parametrize(("built", "advice"), [(None, "built for CPUs"), ("13.0", "nvidia-smi")])
def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error(built, advice, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built)
    assert local_device("cpu") == local_device("auto") == "cpu"
    with pytest.raises(XnerError, match=rf"a GPU was asked for, but PyTorch .* sees none: .*{advice}"):
        local_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert local_device("cuda") == local_device("auto") == "cuda"
    assert local_device("cpu") == "cpu"
