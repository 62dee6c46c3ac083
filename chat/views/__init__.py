"""Pages, streams and actions for people and programs: each finds, acts, and answers."""
