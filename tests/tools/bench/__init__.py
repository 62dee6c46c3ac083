"""How much Parley costs and how late it is, beside the usual stack."""
