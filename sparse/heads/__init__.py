"""What turns dense vectors, token states or tokens into sparse vectors."""
