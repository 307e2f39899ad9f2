"""The result of every delete mutation."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import strawberry

from schema.error import Conflict, NotFound


@strawberry.type(description="The object was deleted.")
class Deleted:
    id: strawberry.ID = strawberry.field(
        resolver=lambda root: root, graphql_type=strawberry.ID, description="The id of the deleted object."
    )

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, UUID)


DeleteResult = Annotated[
    Deleted | NotFound | Conflict,
    strawberry.union("DeleteResult", description="The id of the deleted object, or the reason why it was not deleted."),
]
