"""What turns text into dense vectors, or into logits over a vocabulary."""
