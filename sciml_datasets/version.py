"""The version of this package, where a process without rights to read its installation finds it too."""

VERSION = "0.1.0"
