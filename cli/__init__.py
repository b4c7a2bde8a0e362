"""The command line, ``sciml``: one module per command, imported when it runs."""
