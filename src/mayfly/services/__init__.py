"""What jobs call at run time: the source of the repository, actions."""
