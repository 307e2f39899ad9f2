"""Connections: one page of a list, with the cursors to go on from."""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

Node = TypeVar("Node")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are rows after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there are rows before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the page's first row; null when empty.")
    end_cursor: str | None = strawberry.field(description="The cursor of the page's last row; null when empty.")


@strawberry.type(description="A row and its place in the list.")
class Edge(Generic[Node]):
    cursor: str = strawberry.field(description="Pass it as `after` to go on behind this row.")
    node: Node = strawberry.field(description="The row.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[Node] = strawberry.field(description="The rows alone.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")
