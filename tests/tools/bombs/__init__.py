"""Texts that are made to do harm. `python -m tests.tools.bombs` searches for more of them."""
