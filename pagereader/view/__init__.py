"""Transcriptions for the eye: one HTML file that holds pages, text and how they belong together."""

from __future__ import annotations

from pagereader.view.html import html_parts, render_html
from pagereader.view.images import PageImages

__all__ = ["PageImages", "html_parts", "render_html"]
