"""An app of a site that hears of replies, and says so to the server at LISTENER."""
