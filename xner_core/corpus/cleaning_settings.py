"""Which pairs of a parallel corpus are kept."""

from dataclasses import dataclass

from jsonargparse.typing import ClosedUnitInterval, PositiveInt


@dataclass
class CleaningSettings:
    """Which pairs are kept.

    Args:
        max_characters: Longest text of either side, in characters.
        max_length_ratio: Largest ratio of the longer to the shorter side, each plus 10 characters. A Chinese character
            counts as 3, kana and Hangul as 2. Clean German text reaches 2.
        identify_language: Reject pairs of which one side is surely in another language.
        language_confidence: How sure the language identifier must be, 0 to 1.
    """

    max_characters: PositiveInt = 2000
    max_length_ratio: float = 3.0
    identify_language: bool = True
    language_confidence: ClosedUnitInterval = 0.8

    def __post_init__(self) -> None:
        if not self.max_length_ratio >= 1:
            raise ValueError(f"max_length_ratio is {self.max_length_ratio}; it must be at least 1")
