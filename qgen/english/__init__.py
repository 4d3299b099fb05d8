"""What the package knows of English, without torch."""
