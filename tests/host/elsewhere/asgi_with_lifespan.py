import os

from django.core.asgi import get_asgi_application

from chat.asgi import with_lifespan

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "elsewhere.settings")

application = with_lifespan(get_asgi_application())
