"""Accounts: passwords are handled by Django, sign-up, second factors and single sign-on by
django-allauth, on pages of our own."""
