"""The stock executor answers as plans do, over HTTP, and no more than they do."""

from __future__ import annotations
