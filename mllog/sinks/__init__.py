"""The logging handlers that take events: the spool, a file, standard output."""
