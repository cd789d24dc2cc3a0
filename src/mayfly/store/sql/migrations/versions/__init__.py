"""One module a version, named after it: `v0001`, `v0002`…"""
