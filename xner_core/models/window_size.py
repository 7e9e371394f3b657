"""How much of a text a model reads at once, and whether it reads plain text at all, found out by letting it read a bit.

Architectures tell neither in one way: some number positions from 0, some from padding id + 1, some have no table of
positions, and the setting that should say how many there are may be absent, or -1. What a model looks up tells it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import ModelOutput

from xner_core.errors import XnerError
from xner_core.models.devices import is_device_failure, is_out_of_memory

# Tokens that a model reads to show what it does; fewer than these at once are of no use.
_A_FEW = 16
# The window where nothing bounds it: relative positions reach any distance, but models were trained on texts like this.
_UNBOUNDED_WINDOW = 512
_ANOTHER = "name another one, such as one of XLM-R's kind"


def model_window(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    """The most tokens, special ones included, that a model reads at once.

    Args:
        model: an encoder or a token classifier, in evaluation mode
        tokenizer: its tokenizer

    Raises:
        XnerError: the model cannot be used: not with this tokenizer, not on text alone, or it does not tell each token
            apart.
    """
    _check_vocabulary(model, tokenizer)
    rows, output = _read(model, tokenizer, _A_FEW)
    _check_tokens(model, [output.get("logits", output.get("last_hidden_state"))])
    more_rows, _ = _read(model, tokenizer, _A_FEW + 1)
    # A row for each token, so the highest one is higher by 1 for one token more. The rows before the first are unused.
    tables = [
        size - (highest - _A_FEW + 1)
        for table, (size, highest) in rows.items()
        if more_rows.get(table) == (size, highest + 1)
    ]
    if tables:
        return min(*tables, tokenizer.model_max_length)
    told = getattr(model.config, "max_position_embeddings", None)
    window = min(told if isinstance(told, int) and told > 0 else _UNBOUNDED_WINDOW, tokenizer.model_max_length)
    # Nothing has shown that so many can be read.
    _read(model, tokenizer, min(window, _UNBOUNDED_WINDOW))
    return window


def check_layers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Checks that each hidden layer of an encoder has a state for each token; some shorten the sequence on their way.

    Raises:
        XnerError: it has not.
    """
    _, output = _read(model, tokenizer, _A_FEW)
    states = output.get("hidden_states") or ()
    _check_tokens(model, states if len(states) > model.config.num_hidden_layers else [None])


def _check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    try:
        embeddings: Any = model.get_input_embeddings()
        known = embeddings.weight.shape[0]
    except NotImplementedError:
        return
    highest = max(tokenizer.get_vocab().values())
    if highest >= known:
        raise XnerError(
            f"{_name(model)}: its tokenizer has tokens up to id {highest}, but the model knows only {known}; they do "
            "not belong together, so name a model with its own tokenizer"
        )


def _check_tokens(model: PreTrainedModel, states: Sequence[torch.Tensor | None]) -> None:
    if any(state is None or state.shape[:2] != (1, _A_FEW) for state in states):
        raise XnerError(
            f"{_name(model)}: a model of type {model.config.model_type!r} has no state for each token in each layer; "
            f"{_ANOTHER}"
        )


def _read(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, tokens: int
) -> tuple[dict[int, tuple[int, int]], Mapping[str, Any]]:
    """Lets a model read so many times the same token.

    Returns:
        the rows of each table that are looked up for a sequence: how many it has, and the highest that is looked up;
        and the model's output, with its hidden layers
    """
    word = next(
        (id_ for id_ in tokenizer("a").input_ids if id_ not in tokenizer.all_special_ids), tokenizer.unk_token_id or 0
    )
    ids = torch.full((1, tokens), word, device=model.device)
    try:
        with torch.inference_mode(), _Lookups() as lookups:
            output = model(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
    except Exception as error:
        if is_device_failure(error) or is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [""])[0]
        raise XnerError(
            f"{_name(model)}: a model of type {model.config.model_type!r} cannot read {tokens} tokens of plain text "
            f"({type(error).__name__}: {reason}); {_ANOTHER}"
        ) from error
    if not isinstance(output, ModelOutput):
        output = {}
    return lookups.rows, output


def _name(model: PreTrainedModel) -> str:
    return model.name_or_path or type(model).__name__


class _Lookups(TorchFunctionMode):
    """Notes which rows of which tables are looked up for the places of one sequence.

    Attributes:
        rows: for each table, how many rows it has, and the highest that was looked up
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, tuple[int, int]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.nn.functional.embedding:
            places, table = (*args, *(kwargs[name] for name in ("input", "weight") if name in kwargs))[:2]
            # Relative positions are looked up for each pair of places.
            if places.numel() == places.shape[-1]:
                self.rows[id(table)] = (table.shape[0], int(places.max()))
        return func(*args, **kwargs)
