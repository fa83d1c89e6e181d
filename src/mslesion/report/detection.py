"""The report of one detection: the page that is opened first.

A detection is put into words as a document (:mod:`.detection_content`), its pictures are drawn
(:mod:`.detection_pictures`), and the page is rendered as that of a study is (:mod:`.page`).
"""

from __future__ import annotations

from mslesion.detection import Detection
from mslesion.report.detection_content import build_detection_document
from mslesion.report.detection_pictures import draw
from mslesion.report.page import picture_name, render


def detection_report(detection: Detection) -> str:
    """The content of ``NAME_report.html``: one page with its pictures inside.

    It holds no script and loads nothing. The same detection gives the same text. Needs neither
    PyTorch nor matplotlib.
    """
    document = build_detection_document(detection)
    pictures = {
        picture_name(gallery, number): draw(panel.drawing)
        for gallery in document.galleries
        for number, panel in enumerate(gallery.panels)
    }
    return render(document, pictures)
