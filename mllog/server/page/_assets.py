"""Static files, all from this process: the page asks no other host for anything."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import vl_convert

FOLDER: Final = Path(__file__).parent
_STATIC: Final = FOLDER / "static"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_VEGA: Final = "vega.js"
_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"
"""All that the page uses; the expression interpreter comes with vega-embed."""


@dataclass(frozen=True)
class Asset:
    """A static file.

    Attributes:
        content: its bytes.
        type: for the Content-Type header.
        etag: changes with the content.
    """

    content: bytes
    type: str
    etag: str


class Assets:
    """The static files by name; `vega.js` is what vl-convert carries of Vega, Vega-Lite and vega-embed.

    Example:
        >>> Assets().get("page.css").type
        'text/css; charset=utf-8'
        >>> Assets().get("../_assets.py") is None
        True
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found = {
            path.name: _asset(path.read_bytes(), path.suffix) for path in _STATIC.iterdir() if path.suffix in _TYPES
        }

    def get(self, name: str) -> Asset | None:
        """The file of that name, if there is one; the first call for `vega.js` takes seconds."""
        if name == _VEGA:
            with self._lock:
                if name not in self._found:
                    self._found[name] = _asset(vl_convert.javascript_bundle(_SNIPPET).encode(), ".js")
        return self._found.get(name)

    def link(self, name: str) -> str:
        """Where the page finds a file: the link changes with the content, so browsers may keep what they have."""
        version = metadata.version("vl-convert-python") if name == _VEGA else self._found[name].etag
        return f"/static/{name}?v={version}"


def _asset(content: bytes, suffix: str) -> Asset:
    return Asset(content, _TYPES[suffix], hashlib.sha256(content).hexdigest()[:16])
