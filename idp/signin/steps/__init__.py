"""The steps, in the order that is a security property and is written by hand.

The password comes before any page that shows something personal. The leaked notice only informs: a thief of a leaked
password must not be able to change it. An owned factor is asked for before a new one is set up, and a new password after the
factor. The reminder of S55 comes once all is proved; consent comes last.

Not here: which step is due (``signin.flow``), and keeping what an answer changes (``signin.effects``).
"""

from idp.signin.step import Step
from idp.signin.steps import (
    add_passkey,
    after_recovery_code,
    choose_account,
    consent,
    leaked_password,
    new_password,
    organisation,
    password,
    second_factor,
    set_up_totp,
    show_recovery_codes,
    verify_email,
)

SEQUENCE: tuple[Step, ...] = (
    choose_account.STEP,
    organisation.STEP,
    password.STEP,
    leaked_password.STEP,
    second_factor.STEP,
    add_passkey.STEP,
    set_up_totp.STEP,
    show_recovery_codes.STEP,
    after_recovery_code.STEP,
    new_password.STEP,
    verify_email.STEP,
    consent.STEP,
)
