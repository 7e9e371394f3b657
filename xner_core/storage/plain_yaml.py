"""Settings as YAML that `--config` reads again."""

from typing import Any

import yaml


def to_yaml(values: dict[str, Any]) -> str:
    """Nested values in their order, as YAML that ends with a line break."""
    return yaml.safe_dump(_plain(values), sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    """Numbers of a command line's own types as plain ones."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return next((kind(value) for kind in (bool, int, float) if isinstance(value, kind)), value)
