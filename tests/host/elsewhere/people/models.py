import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class People(BaseUserManager):
    def create_superuser(self, email, password):
        person = self.model(email=email, is_staff=True, is_superuser=True)
        person.set_password(password)
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser, PermissionsMixin):
    """Has no username and no number, and names of its own that a chat might take."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    conversations = models.PositiveIntegerField(default=0)
    presets = models.JSONField(default=dict)
    preferences = models.JSONField(default=dict)

    objects = People()
    USERNAME_FIELD = EMAIL_FIELD = "email"
