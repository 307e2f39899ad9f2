"""What deleting anything answers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry

from schema.error import Conflict, NotFound


@strawberry.type(description="It is deleted.")
class Deleted:
    id: strawberry.ID = strawberry.field(resolver=lambda root: root, graphql_type=strawberry.ID, description="Its id.")

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, UUID)


DeleteResult = Annotated[
    Deleted | NotFound | Conflict,
    strawberry.union("DeleteResult", description="The id of what was deleted, or why nothing was."),
]
