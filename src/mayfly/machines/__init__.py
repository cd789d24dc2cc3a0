"""Virtual machines: one interface, several drivers, their images and networks."""
