"""The steps, in the order that is a security property and is written by hand.

Password before anything personal is said; the leaked notice tells only (whoever merely knows a leaked password must not be
able to change it); an owned factor before a new one is set up; a new password after the factor; the reminder of S55 once all
is proved; consent last.
"""

from idp.signin.step import Step
from idp.signin.steps import (
    account,
    consent,
    enrol,
    factor,
    leaked,
    new_password,
    organisation,
    passkey,
    password,
    recovered,
    verify_email,
)

SEQUENCE: tuple[Step, ...] = (
    account.STEP,
    organisation.STEP,
    password.STEP,
    leaked.STEP,
    factor.STEP,
    passkey.STEP,
    enrol.STEP,
    recovered.STEP,
    new_password.STEP,
    verify_email.STEP,
    consent.STEP,
)
