class Town:
    """All of the site is in one database, which is not the default one."""

    def db_for_read(self, model, **hints):
        return "town"

    db_for_write = db_for_read
