from __future__ import annotations

from domain.viewer import Viewer
from resolvers.context import Info


async def viewer(info: Info) -> Viewer:
    return info.context.viewer
