"""Formulas as MathML, made while the pages are built: browsers draw it, no page loads a script for it."""

from __future__ import annotations

from typing import Any


def _convert(text: str, display: str) -> str:
    from latex2mathml.converter import convert

    return convert(text.strip().replace(r"\\[", r"\\ ["), display=display)


def _inline(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    writer.body.append(_convert(node.astext(), "inline"))
    raise SkipNode


def _block(writer: Any, node: Any) -> None:
    from docutils.nodes import SkipNode

    writer.body.append(f'<div class="math">{_convert(node.astext(), "block")}</div>\n')
    raise SkipNode


def setup(app: Any) -> dict[str, Any]:
    """Give Sphinx the renderer, under the name "mathml"."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
