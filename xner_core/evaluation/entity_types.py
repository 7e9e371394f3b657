"""Entity types by name: those that a user lists, and whether gold and models mean the same ones."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from xner_core.errors import XnerError

# What corpora call the same thing, in lower case; the first is what CoNLL calls it.
_GROUPS = (
    ("per", "person", "pers", "people", "name", "prs", "peop"),
    ("loc", "location", "gpe", "place", "geo", "facility", "fac", "lugar"),
    ("org", "organization", "organisation", "corporation", "company", "corp"),
    ("misc", "miscellaneous", "oth", "other", "norp", "nat", "nationality"),
    ("prod", "product"),
    ("evt", "event", "eve"),
    ("date", "time", "tim", "dat"),
)
_GROUP = {name: group[0] for group in _GROUPS for name in group}


def is_common(type_: str) -> bool:
    """Whether it is one of the names by which corpora know persons, places, organisations and the like."""
    return _group(type_) is not None


def _group(type_: str) -> str | None:
    """The group of a type, or of its first part (`person-actor`)."""
    name = type_.lower()
    return _GROUP.get(name) or _GROUP.get(name.replace("_", "-").split("-")[0])


def nearest(type_: str, known: Collection[str]) -> str | None:
    """The known type that another name probably means."""
    by_name = {name.lower(): name for name in sorted(known, reverse=True)}
    of_group = [name for name in sorted(known, key=len) if _group(type_) and _group(name) == _group(type_)]
    close = get_close_matches(type_.lower(), by_name, n=1)
    return by_name.get(type_.lower()) or next(iter(of_group), None) or next((by_name[name] for name in close), None)


@dataclass(frozen=True)
class Scored:
    """The entity types that are scored, sorted, and what a user should know of them."""

    types: list[str]
    warnings: list[str]


def scored_types(
    gold: str,
    marked: Collection[str],
    found: Mapping[str, Collection[str]],
    wanted: Collection[str] | None = None,
    shared: bool = False,
) -> Scored:
    """The entity types to score models on.

    Args:
        gold: the gold file, for messages
        marked: types that it marks
        found: types that each model can find, by what it is called in messages
        wanted: types asked for; without them, those that the gold marks
        shared: without types asked for, only those that all models find

    Raises:
        XnerError: a type asked for that neither gold nor models know, or types of which a model finds none.
    """
    everywhere = set(marked).union(*found.values())
    if unknown := [type_ for type_ in wanted or () if type_ not in everywhere]:
        raise XnerError(
            f"no entity type {', '.join(unknown)}: {gold} marks {_listed(marked)}, and "
            f"{_models(found)}{did_you_mean(unknown, everywhere)}"
        )
    types = set(marked if wanted is None else wanted)
    common = types.intersection(*found.values())
    if (shared and not common) or any(types and types.isdisjoint(own) for own in found.values()):
        of_gold = f"{gold}: marks {_listed(marked)}" if wanted is None else f"{gold}: {_listed(types)} to be scored"
        known = set().union(*found.values())
        raise XnerError(
            f"{of_gold}, and none of these types is found by all models: {_models(found)}"
            f"{did_you_mean(sorted(types), known)}{_as_map(types, known)}"
        )
    warnings = [] if marked else [f"{gold} marks no entity"]
    if wanted is not None and marked and (absent := types - set(marked)):
        warnings.append(f"{gold} does not mark {_listed(absent)}: whatever is found of it counts as wrong")
    kept = common if shared and wanted is None else types
    for name, own in found.items():
        if lacking := types - set(own):
            what = "not scored" if kept is common else "its score there is 0"
            meant = did_you_mean(sorted(lacking), set(own) - types)
            warnings.append(f"{name} does not find {_listed(lacking)}, which {gold} marks: {what}{meant}")
    return Scored(sorted(kept), warnings)


def _listed(types: Collection[str]) -> str:
    return ", ".join(sorted(types)) or "no entity"


def _models(found: Mapping[str, Collection[str]]) -> str:
    return "; ".join(f"{name} finds {_listed(own)}" for name, own in found.items())


def _meant(types: Collection[str], known: Collection[str]) -> dict[str, str]:
    pairs = {type_: nearest(type_, known) for type_ in types}
    return {type_: other for type_, other in pairs.items() if other}


def did_you_mean(types: Collection[str], known: Collection[str]) -> str:
    """Which known types other names probably mean, as the end of a message; or nothing."""
    meant = _meant(types, known)
    if len(meant) == len(types) == 1:
        return f"; did you mean {next(iter(meant.values()))}?"
    return f"; did you mean {', '.join(f'{other} for {type_}' for type_, other in meant.items())}?" if meant else ""


def _as_map(types: Collection[str], known: Collection[str]) -> str:
    """The label map that makes a model say the types of the gold."""
    pairs = {other: type_ for type_, other in _meant(sorted(types), known).items()}
    inner = ", ".join(f"{other}: {type_}" for other, type_ in pairs.items()) or "TYPE_OF_THE_MODEL: TYPE_OF_THE_GOLD"
    return f" A label map makes a model say the types of the gold: label_map '{{{inner}}}'; or rename those of the gold"
