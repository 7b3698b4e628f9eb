"""Tasks: a small service that uses every part of the framework once."""
