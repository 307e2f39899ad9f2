"""Every setting is documented."""

from __future__ import annotations

from server.settings import Settings
from tests.support.process import ROOT


def test_the_documentation_names_every_setting() -> None:
    documents = "".join((ROOT / name).read_text() for name in ("docs/settings.md", "docs/limits.md"))
    settings = {f"ROUTER_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in settings if f"`{name}`" not in documents and f"`{name}=" not in documents} == set()
