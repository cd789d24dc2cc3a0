"""GitHub: an app whose webhooks announce jobs, and whose runners are made one job at a time."""
