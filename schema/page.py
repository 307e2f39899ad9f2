"""Connections: one page of a list, with cursors to continue from."""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

Node = TypeVar("Node")


@strawberry.type(description="The position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="True when there are rows after this page.")
    has_previous_page: bool = strawberry.field(description="True when there are rows before this page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first row of this page. Null when the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last row of this page. Null when the page is empty."
    )


@strawberry.type(description="A row with its cursor.")
class Edge(Generic[Node]):
    cursor: str = strawberry.field(description="The cursor of the row. Pass it as `after` to continue after this row.")
    node: Node = strawberry.field(description="The row.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[Node] = strawberry.field(description="The rows without their cursors.")
    page_info: PageInfo = strawberry.field(description="The position of this page in the list.")
