"""The forms of a source, one file each: `slices` cuts a file of it, `read` reads a slice."""
