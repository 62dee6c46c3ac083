from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_notice")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="authors",
            field=models.JSONField(editable=False, null=True),
        ),
    ]
