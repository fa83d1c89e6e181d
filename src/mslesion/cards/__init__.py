"""Model card and reporting checklists, filled from result files alone.

    result files ──► Sources ──┐
                               ├──► fill ──► MODEL_CARD.md, CLAIM.md, TRIPOD+AI.md
    topics.md, tables of items ┘

A text names a figure as ``{file:place|format}``; no figure is typed. What a result file does not
hold cannot be printed: the document is then not built. See docs/reference/cards.md.
"""
