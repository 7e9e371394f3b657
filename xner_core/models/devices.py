"""The device that a model computes on, and what its failures mean.

A GPU that has failed stays failed for the process that uses it: after a device-side assert or an illegal memory access,
every later call raises as well, whatever it is given. Only another process can use it again. Running out of memory
leaves the device sound: the same call works with less.
"""

import platform
import re
from collections.abc import Iterator

import torch

from xner_core.errors import XnerError
from xner_core.models.model_settings import Device

# How PyTorch begins errors that have no type of their own where memory does not suffice, on a GPU or a CPU.
_OUT_OF_MEMORY = re.compile(
    r"(CUDA|HIP|XPU) (driver )?(error: )?out of memory|\[enforce fail at \w+\.cpp:\d+\].*DefaultCPUAllocator", re.DOTALL
)
# What the libraries of NVIDIA and AMD say in errors that have none. With too little memory for itself, cuBLAS says the
# same as when the device has failed.
_DEVICE_FAILURE = re.compile(
    r"""\b(CUDA|HIP|XPU|cuDNN|MIOpen|cuBLAS|hipBLAS|rocBLAS|cuSOLVER|cuSPARSE|cuFFT|NCCL|RCCL|NVRTC|Triton)\b[^\n]*\berror\b
      | \b((CU|HIP|ROC)(BLAS|SOLVER|SPARSE|FFT|RAND)|CUDNN|MIOPEN)_[A-Z]
      | \b(cuda|hip)Error[A-Z]\w+
      | \bmiopenStatus
      | device-side\ assert | illegal\ (memory\ access|instruction) | launch\ failure | uncorrectable\ \w+\ error""",
    re.VERBOSE | re.IGNORECASE,
)
_DEVICE_ERRORS = (torch.AcceleratorError, torch.cuda.CudaError, torch.cuda.DeferredCudaCallError)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, of the host or of the device."""
    return any(
        isinstance(one, MemoryError | torch.OutOfMemoryError)
        or (isinstance(one, RuntimeError) and _OUT_OF_MEMORY.match(str(one)) is not None)
        for one in _with_causes(error)
    )


def is_device_failure(error: BaseException) -> bool:
    """Whether an error says that the device has failed, so that this process can use it no more."""
    return not is_out_of_memory(error) and any(
        isinstance(one, _DEVICE_ERRORS)
        or (isinstance(one, RuntimeError) and _DEVICE_FAILURE.search(str(one)) is not None)
        for one in _with_causes(error)
    )


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from or while handling."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def sent_to_host(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor on its way from its device; what it holds may be read after `wait_for`."""
    return tensor.to("cpu", non_blocking=True)


def wait_for(device: torch.device) -> None:
    """Waits until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()


def local_device(device: Device) -> str:
    """The device that this process computes on, `cpu` or `cuda`: `auto` is a GPU where PyTorch sees one.

    Raises:
        XnerError: `cuda` was asked for, but PyTorch sees no GPU.
    """
    if device == "cpu" or torch.cuda.is_available():
        return "cpu" if device == "cpu" else "cuda"
    if device == "auto":
        return "cpu"
    built = torch.version.cuda or torch.version.hip
    cause = (
        "see what nvidia-smi (rocm-smi) says there, and whether the driver is too old"
        if built
        else "it is built for CPUs; install one for GPUs there"
    )
    raise XnerError(
        f"a GPU was asked for, but PyTorch {torch.__version__} on {platform.node()} sees none: {cause}, or take the "
        "device cpu"
    )
