"""Fetching of raw files: from the sources of a data set into the raw folder, checked."""
