"""Work by several processes (forked processes, MPI ranks, Apache Beam), and their reports of progress."""
