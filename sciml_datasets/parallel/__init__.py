"""Work by several processes: forked ones, MPI ranks, Apache Beam; and what they report meanwhile."""
