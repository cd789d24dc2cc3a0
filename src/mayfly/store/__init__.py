"""Where runs, jobs and leases are kept."""
