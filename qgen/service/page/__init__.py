"""The web page: a text in, its questions to edit, choose among and export."""
