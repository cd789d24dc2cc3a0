"""What Mayfly talks about: jobs, labels, architectures, errors. No I/O and no clock."""
