from django.core.management import call_command
from django.db import migrations


def make_table(apps, editor):
    call_command("createcachetable", database=editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    """The table of the cache that all processes share."""

    operations = [migrations.RunPython(make_table, migrations.RunPython.noop)]
