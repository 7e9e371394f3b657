"""Work that falls into independent parts: done here, one after another, or wherever the caller has it done."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Tasks(Protocol):
    """Does one thing to each of many items, perhaps side by side and on other machines.

    What the function needs and gives must be small, or lie in files that every machine can read.

    Attributes:
        is_local: Whether all of it is done on this machine, whose own disk it can read and write.
    """

    @property
    def is_local(self) -> bool: ...

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results in the order of the items, which are taken as fast as they are done; errors are raised here."""
        ...


class InProcess:
    """Does it here and now."""

    is_local = True

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results in the order of the items."""
        return map(function, items)
