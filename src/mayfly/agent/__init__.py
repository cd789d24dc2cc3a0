"""One host: claims jobs, runs each in a machine, reaps what a crash left."""
