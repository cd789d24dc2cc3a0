"""Is one architecture as well served as the other, and if not, what is missing? Pure."""
