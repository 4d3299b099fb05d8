"""One module a format: a file's text as blocks, in the order in which it is read.

A reader is a function from a path and a :class:`~qgen.files.readers.blocks.LeftOut` to blocks.  It
leaves out what its format marks as no running text, and counts it; what only the words tell is the
business of :mod:`qgen.files.paragraphs`.  No reader executes, fetches or follows anything, and all
of them take time and memory in proportion to the file.
"""
