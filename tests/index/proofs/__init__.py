"""The proofs that an index on disk loses nothing: short in the tests, long in benchmarks/."""
