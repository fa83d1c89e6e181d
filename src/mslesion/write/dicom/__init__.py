"""DICOM out: segmentations of a series and a structured report, for viewers and archives.

source headers, of which only what is needed is kept ──► segmentation, probability ──► report
"""
