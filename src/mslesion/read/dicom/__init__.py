"""DICOM in: from whatever lies in a folder to the FLAIR series of each study, and its voxels.

files ──► header of each ──► series ──► stacks of parallel slices ──► the FLAIR of each study
                                                   stack ──► order, gaps ──► voxels, affine

A series has no path of its own. It is addressed as ``FOLDER/series-HASH``, where HASH is of its
SeriesInstanceUID: nothing that a DICOM header or a file's name says leaves this package as text.
"""
