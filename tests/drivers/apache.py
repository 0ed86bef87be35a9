"""Find Debian's Apache with mod_auth_openidc, and write the configuration around that of a test."""

import os
import shutil
from pathlib import Path

from tests.drivers.machine import leave_out

HOW = "apt install libapache2-mod-auth-openidc"
MODULES = Path("/usr/lib/apache2/modules")
AROUND = """\
ServerName localhost
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
Mutex sem
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
{modules}
{user}
"""


def command(folder: Path, port: int, *files: str) -> list[str]:
    """Return the command that serves these configuration files of ``folder``. Skips the test without Apache."""
    binary = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
    if binary is None or not (MODULES / "mod_auth_openidc.so").exists():
        leave_out("Apache with mod_auth_openidc", HOW)
    names = ("mpm_event", "authn_core", "authz_core", "authz_user", "headers", "auth_openidc")
    modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names)
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    text = AROUND.format(folder=folder, port=port, modules=modules, user=user)
    (folder / "apache.conf").write_text(text + "".join(f"Include {folder}/{file}\n" for file in files))
    return [binary, "-f", str(folder / "apache.conf"), "-DFOREGROUND"]
