"""The pages' routes, one file a page; `router.py` joins them."""
