"""Settings: each is told to those who set it."""

from __future__ import annotations

from server.settings import Settings
from tests.support.process import ROOT


def test_the_documents_name_every_setting() -> None:
    told = "".join((ROOT / name).read_text() for name in ("docs/settings.md", "docs/limits.md"))
    settings = {f"ROUTER_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in settings if f"`{name}`" not in told and f"`{name}=" not in told} == set()
