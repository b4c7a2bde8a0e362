"""Data in object stores: S3, Google Cloud Storage, Azure Blob Storage and servers of HTTP, by URL."""
