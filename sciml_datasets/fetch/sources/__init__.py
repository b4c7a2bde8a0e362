"""Sources of raw files: one contract, and HTTP, S3 and every file system of fsspec behind it."""
