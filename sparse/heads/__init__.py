"""What turns dense vectors into sparse ones."""
