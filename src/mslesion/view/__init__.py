"""A page on the loopback address that shows what ``mslesion detect`` found, and takes a review.

    OUT ──► listing ──► one scan opened ──► volumes for the page
                             │
                             └──► review ──► reviewed mask and table beside the automatic ones

``access`` says who may ask, ``server`` answers, ``static`` is what runs in the browser.
"""
