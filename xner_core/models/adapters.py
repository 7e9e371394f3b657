"""Low-rank adapters (LoRA, arXiv:2106.09685) on models of any architecture."""

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from xner_core.errors import XnerError


def add_adapter(model: PreTrainedModel, adapter: LoraConfig) -> PeftModel:
    """The model with a new adapter.

    Raises:
        XnerError: no layer takes it, since none is made of PyTorch's linear maps; only a pooler may be.
    """
    try:
        adapted = get_peft_model(model, adapter)
    except ValueError as error:
        raise _no_adapter(model) from error
    if all("pooler" in name for name, weight in adapted.named_parameters() if weight.requires_grad and "lora_" in name):
        raise _no_adapter(model)
    return adapted


def _no_adapter(model: PreTrainedModel) -> XnerError:
    kind = model.config.model_type
    return XnerError(f"no adapter goes on the layers of a model of type {kind}; name an encoder of another type")
