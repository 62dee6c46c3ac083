"""Hosts that vouch for people, small but real: an OpenID provider and a SAML identity provider.

Each is an HTTP server on `localhost`, which to a browser is another site than 127.0.0.1. Whoever
comes is asked nothing but to go on, and is then the one in `person`.
"""

import base64
import hashlib
import json
import re
import threading
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

CLIENT_ID, CLIENT_SECRET = "parley", "a secret of the two"


def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY = new_key()


class IdentityHost:
    """Serves while it is open. `pages` are methods by path; they answer with kind and body."""

    def __init__(self):
        self.person, self.is_gone = {}, False
        handler = type("Handler", (_Handler,), {"host": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    host = None

    def do_GET(self):
        self._answer(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(dict(parse_qsl(body)))

    def _answer(self, fields):
        page = self.host.pages.get(urlsplit(self.path).path)
        if self.host.is_gone or not page:
            self.send_error(503 if page else 404)
            return
        kind, body = page(self.host, fields, self.headers)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class OpenIdProvider(IdentityHost):
    """OpenID Connect Core 1.0, section 3.1, with PKCE (RFC 7636)."""

    def __init__(self):
        super().__init__()
        self._asked = {}  # what was asked for, by the code that is given for it

    def configuration(self, *_):
        words = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        return "application/json", json.dumps(words)

    def authorize(self, fields, _):
        code = uuid.uuid4().hex
        self._asked[code] = fields
        back = f"{fields['redirect_uri']}?{urlencode({'code': code, 'state': fields['state']})}"
        return "text/html", f'{NO_ICON}<a href="{escape(back)}">Go on</a>'

    def token(self, fields, _):
        asked = self._asked.pop(fields["code"])
        proof = hashlib.sha256(fields["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(proof).rstrip(b"=").decode() == asked["code_challenge"]
        assert (fields["client_id"], fields["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        now = datetime.now(UTC)
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + timedelta(minutes=5)}
        token = jwt.encode(claims | self.person, KEY, algorithm="RS256", headers={"kid": "1"})
        words = {"access_token": "of-the-person", "token_type": "Bearer", "id_token": token}
        return "application/json", json.dumps(words)

    def userinfo(self, _, headers):
        assert headers["Authorization"] == "Bearer of-the-person"
        return "application/json", json.dumps(self.person)

    def keys(self, *_):
        key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "1"}
        return "application/json", json.dumps({"keys": [key]})

    pages = {
        "/.well-known/openid-configuration": configuration,
        "/authorize": authorize,
        "/token": token,
        "/userinfo": userinfo,
        "/keys": keys,
    }


class SamlProvider(IdentityHost):
    """SAML 2.0, web browser profile: asked by a redirect, answers by a form."""

    key = KEY

    def __init__(self):
        super().__init__()
        self.certificate = _certificate()

    def metadata(self, *_):
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return "text/xml", METADATA.format(url=self.url, certificate=base64.b64encode(der).decode())

    def sso(self, fields, _):
        request = zlib.decompress(base64.b64decode(fields["SAMLRequest"]), -15).decode()
        asked = {
            name: re.search(rf'\b{name}="([^"]+)"', request)[1]
            for name in ("ID", "AssertionConsumerServiceURL")
        }
        audience = re.search(r"<saml:Issuer>([^<]+)<", request)[1]
        answer = self._signed(asked["ID"], asked["AssertionConsumerServiceURL"], audience)
        form = FORM.format(acs=asked["AssertionConsumerServiceURL"], answer=answer)
        return "text/html", form

    def _signed(self, request, acs, audience):
        from onelogin.saml2.utils import OneLogin_Saml2_Utils as Saml

        now = datetime.now(UTC)
        assertion = ASSERTION.format(
            id=uuid.uuid4().hex,
            url=self.url,
            request=request,
            acs=acs,
            audience=audience,
            method="urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
            now=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            later=f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
            **self.person,
        )
        pem = serialization.Encoding.PEM
        secret = self.key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = self.certificate.public_bytes(pem)
        return base64.b64encode(Saml.add_sign(assertion, secret, certificate)).decode()

    pages = {"/metadata": metadata, "/sso": sso}


def _certificate():
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(KEY, hashes.SHA256())


NO_ICON = '<link rel="icon" href="data:,">'
FORM = f"""\
{NO_ICON}
<form method="post" action="{{acs}}">
  <input type="hidden" name="SAMLResponse" value="{{answer}}"><button>Go on</button>
</form>
"""
METADATA = """\
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{url}">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor use="signing">
      <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">
        <X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>
      </KeyInfo>
    </KeyDescriptor>
    <SingleSignOnService Location="{url}/sso"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"/>
  </IDPSSODescriptor>
</EntityDescriptor>
"""
ASSERTION = """\
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
  xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"
  ID="_r{id}" Version="2.0" IssueInstant="{now}" Destination="{acs}" InResponseTo="{request}">
  <saml:Issuer>{url}</saml:Issuer>
  <samlp:Status>
    <samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>
  </samlp:Status>
  <saml:Assertion ID="_a{id}" Version="2.0" IssueInstant="{now}">
    <saml:Issuer>{url}</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{sub}</saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml:SubjectConfirmationData InResponseTo="{request}" Recipient="{acs}"
          NotOnOrAfter="{later}"/>
      </saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="{now}" NotOnOrAfter="{later}">
      <saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>
    </saml:Conditions>
    <saml:AuthnStatement AuthnInstant="{now}">
      <saml:AuthnContext>
        <saml:AuthnContextClassRef>{method}</saml:AuthnContextClassRef>
      </saml:AuthnContext>
    </saml:AuthnStatement>
    <saml:AttributeStatement>
      <saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3">
        <saml:AttributeValue>{email}</saml:AttributeValue>
      </saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>"""
