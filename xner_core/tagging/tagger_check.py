"""Whether a model is a tagger, and a label map fits it, from its settings alone: before anything is loaded."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from transformers import AutoConfig

from xner_core.errors import XnerError
from xner_core.models.heads import head_labels
from xner_core.models.loading import ADAPTER_CONFIG, tagger_folder
from xner_core.tagging.label_scheme import ONTONOTES, LabelScheme, label_map

_UNNAMED = re.compile(r"LABEL_\d+")
_OURS = frozenset({"PER", "LOC", "ORG"})


def check_tagger(name: str, model: str, types_of: str | Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Checks a tagger and its label map.

    Args:
        name: of the setting that holds the model, whose neighbour is `label_map`
        model: a Hugging Face name, a local folder, or `starter`
        types_of: the label map

    Returns:
        the types that it finds, and warnings: types that the map leaves out, keys of the map that the model lacks

    Raises:
        XnerError: no such model, no token classifier, labels without names, or a map that does not fit them.
    """
    labels = read_labels(name, model)
    mapped = label_map(types_of)
    where = f"{name.rpartition('.')[0]}.label_map".lstrip(".")
    scheme = _scheme(f"{name} {model}", where, labels, types_of)
    dropped, unused = sorted(scheme.found - mapped.keys()), sorted(mapped.keys() - scheme.found)
    if isinstance(types_of, str):
        lost = [type_ for type_ in dropped if ONTONOTES.get(type_) in _OURS.difference(scheme.types)]
        if lost:
            raise XnerError(
                f"{name} {model}: finds {', '.join(lost)}, which label_map {types_of} does not know; set "
                f"--{where} to ontonotes, or to a map such as '{_example(lost)}'"
            )
        unused = []
    for key in unused:
        if near := get_close_matches(key, dropped, 1) or [each for each in dropped if each.lower() == key.lower()]:
            raise XnerError(f"{where}: {key!r} is no type of {model}; did you mean {near[0]}? It has {_listed(scheme)}")
    warnings = [f"{where}: {model} also finds {', '.join(dropped)}, which are left out"] if dropped else []
    if unused:
        warnings.append(f"{where}: {', '.join(unused)} not used, since {model} has only {_listed(scheme)}")
    return scheme.types, warnings


def read_labels(name: str, model: str) -> list[str]:
    """The labels of a token classifier, in their order.

    Raises:
        XnerError: no such model, or one of another kind, or its labels have no names.
    """
    folder = tagger_folder(model)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise XnerError(f"{name} {model}: its config.json is none of a model that can be read ({reason})") from error
    kinds = [] if (folder / ADAPTER_CONFIG).exists() else config.architectures or []
    if kinds and not any(kind.endswith("ForTokenClassification") for kind in kinds):
        raise XnerError(
            f"{name} {model}: is a {kinds[0]}, and no token classifier; name a model that was trained to label tokens "
            "(xner train-tagger makes one), or 'starter'"
        )
    labels = head_labels(config)
    return [labels[index] for index in sorted(labels)]


def _scheme(what: str, where: str, labels: list[str], types_of: str | Mapping[str, str]) -> LabelScheme:
    if all(_UNNAMED.fullmatch(label) for label in labels) and not set(labels) & label_map(types_of).keys():
        raise XnerError(
            f"{what}: its labels are {labels[0]} to {labels[-1]}, without names; see its model card, and say what they "
            f"stand for, as in --{where} '{{{labels[-1]}: PER}}', or name another model"
        )
    try:
        return LabelScheme(labels, label_map(types_of))
    except XnerError as error:
        raise XnerError(f"{what}: {error}") from error


def _example(types: Collection[str]) -> str:
    return "{" + ", ".join(f"{type_}: {ONTONOTES[type_]}" for type_ in types) + "}"


def _listed(scheme: LabelScheme) -> str:
    return ", ".join(sorted(scheme.found))
