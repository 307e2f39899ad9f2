"""Which fields an operation asks for: what nobody asks for need not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from strawberry.types.nodes import Selection

from resolvers.context import Info


def selected(info: Info) -> Iterator[str]:
    """The names of all fields that are asked for below this one, however deep."""
    return _names(info.selected_fields)


def _names(selections: Iterable[Selection]) -> Iterator[str]:
    for selection in selections:
        yield getattr(selection, "name", "")
        yield from _names(selection.selections)
