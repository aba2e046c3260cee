"""Index folders: what is written, and what is checked when it is read."""
