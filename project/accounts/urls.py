from allauth.account import views as allauth
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as app
from django.conf import settings
from django.urls import include, path

from .views import AccountView, LoginView, failures_said, log_out_elsewhere

codes_urls = [
    # /accounts/second_factor/codes/
    path("", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
]

urlpatterns = [
    # /accounts/
    path("", AccountView.as_view(), name="account"),
    path("log_out_elsewhere/", log_out_elsewhere, name="log_out_elsewhere"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("confirm_password/", allauth.reauthenticate, name="account_reauthenticate"),
    path("confirm/", allauth.email_verification_sent, name="account_email_verification_sent"),
    path("confirm/<str:key>/", allauth.confirm_email, name="account_confirm_email"),
    # /accounts/second_factor/
    path("second_factor/", second_factor.authenticate, name="mfa_authenticate"),
    path("second_factor/confirm/", second_factor.reauthenticate, name="mfa_reauthenticate"),
    path("second_factor/on/", app.activate_totp, name="mfa_activate_totp"),
    path("second_factor/off/", app.deactivate_totp, name="mfa_deactivate_totp"),
    path("second_factor/codes/", include(codes_urls)),
    # As django-allauth knows pages of ours.
    path("", AccountView.as_view(), name="mfa_index"),
    path("login/", LoginView.as_view(), name="account_login"),
]

if settings.SIGN_UP:
    urlpatterns += [path("signup/", allauth.signup, name="account_signup")]

if settings.SOCIALACCOUNT_PROVIDERS:
    from allauth.socialaccount import views as other_hosts

    urlpatterns += [
        path("connections/", other_hosts.connections, name="socialaccount_connections"),
        path("cancelled/", other_hosts.login_cancelled, name="socialaccount_login_cancelled"),
        path("failed/", other_hosts.login_error, name="socialaccount_login_error"),
    ]

if "openid_connect" in settings.SOCIALACCOUNT_PROVIDERS:
    from allauth.socialaccount.providers.openid_connect import views as oidc

    urlpatterns += [
        # /accounts/oidc/
        path("<slug:provider_id>/login/", failures_said(oidc.login), name="openid_connect_login"),
        path(
            "<slug:provider_id>/back/", failures_said(oidc.callback), name="openid_connect_callback"
        ),
    ]

if "saml" in settings.SOCIALACCOUNT_PROVIDERS:
    from allauth.socialaccount.providers.saml import views as saml

    saml_urls = [
        # /accounts/saml/sso/
        path("login/", failures_said(saml.login), name="saml_login"),
        path("acs/", saml.acs, name="saml_acs"),
        path("acs/finish/", failures_said(saml.finish_acs), name="saml_finish_acs"),
        path("sls/", failures_said(saml.sls), name="saml_sls"),
        path("metadata/", failures_said(saml.metadata), name="saml_metadata"),
    ]
    urlpatterns += [path("saml/<slug:organization_slug>/", include(saml_urls))]
