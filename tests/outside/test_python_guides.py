"""Python libraries sign people in from exactly what `idp client guide` prints, unchanged."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Live
from tests.drivers import python_apps
from tests.outside.printed import EMAIL, SIGNED_OUT, Guided, Visitor, assert_signs_in_and_out, prepare, running

HERE = Path(__file__).parent
pytestmark = pytest.mark.python_apps
PROJECT = """\
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY, ALLOWED_HOSTS, ROOT_URLCONF = "x" * 50, ["127.0.0.1"], "urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
CONTEXT = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth"]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "APP_DIRS": True,
    "OPTIONS": {"context_processors": CONTEXT},
}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
PAGES = """\
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import ensure_csrf_cookie


@ensure_csrf_cookie
@login_required
def home(request):
    return JsonResponse({"username": request.user.get_username(), "email": request.user.email})


urlpatterns = [path("", home)]
"""
SERVE = """\
import os, sys
import django
from django.core.management import call_command
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
call_command("migrate", verbosity=0)
call_command("runserver", sys.argv[1], use_reloader=False, use_threading=True)
"""
"""What a Django project has before anything of the guide is added: each file is continued by the printed one."""


@pytest.mark.parametrize("client", [{}, {"public": True}], ids=["secret", "public"])
def test_authlib_signs_in_and_out(live: Live, tmp_path: Path, client: dict[str, object]) -> None:
    """Authlib's Flask client signs in and out."""
    packages = python_apps.installed(HERE / "python_apps")
    guided = prepare(live, tmp_path / "app", "authlib", **client)
    command = [sys.executable, "-m", "flask", "--app", "app", "run", "--port", str(guided.port)]
    with running(guided, command, python_apps.environment(packages)) as visitor:
        assert_signs_in_and_out(visitor)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_requests_oauthlib_signs_in_and_refreshes(live: Live, tmp_path: Path, method: str) -> None:
    """Requests-oauthlib signs in with PKCE, reads userinfo, refreshes, and reads it again."""
    packages = python_apps.installed(HERE / "python_apps")
    guided = prepare(live, tmp_path / "app", "requests-oauthlib", token_endpoint_auth_method=method)
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=guided.folder,
        env={**python_apps.environment(packages), **guided.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    opened = process.stdout.readline()
    assert opened.startswith("Open "), process.communicate()
    back = Visitor(guided).through(opened.split()[1])
    output, complaint = process.communicate(back + "\n", timeout=30)
    assert output.count(f'"email": "{EMAIL}"') == 2, output + complaint


def _project(live: Live, folder: Path, stack: str, callback: str) -> tuple[Guided, dict[str, str]]:
    packages = python_apps.installed(HERE / "python_apps")
    guided = prepare(live, folder / "app", stack, callback)
    for name, before in {"settings.py": PROJECT, "urls.py": PAGES, "serve.py": SERVE}.items():
        printed = guided.folder / name
        printed.write_text(before + (printed.read_text() if printed.exists() else ""))
    return guided, python_apps.environment(packages)


@pytest.mark.parametrize(
    ("stack", "callback", "leave"),
    [
        ("mozilla-django-oidc", "/oidc/callback/", "/oidc/logout/"),
        ("social-auth", "/complete/oidc/", "/logout/"),
        ("allauth", "/accounts/oidc/sleutel/login/callback/", "/accounts/logout/"),
    ],
)
def test_libraries_for_django_sign_in_and_out(live: Live, tmp_path: Path, stack: str, callback: str, leave: str) -> None:
    """Three libraries for Django sign in and out. They were added to a project as it is made."""
    guided, environment = _project(live, tmp_path, stack, callback)
    with running(guided, [sys.executable, "serve.py", f"127.0.0.1:{guided.port}"], environment) as visitor:
        if stack == "social-auth":
            assert "Sign in" in visitor.open("/").text
            visitor.open("/login/oidc/?next=/", csrfmiddlewaretoken=visitor.session.cookies["csrftoken"])
        shown = visitor.open("/").json()
        assert shown["email"] == EMAIL
        assert visitor.sign_ins == 1
        left = visitor.open(leave, csrfmiddlewaretoken=visitor.session.cookies["csrftoken"])
        assert left.url == guided.origin + SIGNED_OUT
