"""List texts of pages that several tests look for, each written once. Change a text here and in the catalogues."""

from dataclasses import dataclass

from idp.mail.letters import translations
from idp.web import line_ends


def shown(text: str) -> str:
    """Return a text as a page has it: no line ends within "e-mail"."""
    return line_ends.joined(text)


@dataclass(frozen=True)
class Said:
    """Say texts of pages in a language, out of its catalogue. A translation that leaves a value out fails."""

    language: str

    def __call__(self, text: str, many: str = "", **values: object) -> str:
        """Return a text with its values. ``many``: the same for ``num`` things."""
        found = translations(self.language, "messages")
        told = found.ungettext(text, many, int(str(values["num"]))) if many else found.ugettext(text)
        text = str(told % values if values else told)
        assert all(str(value) in text for value in values.values()), text
        return text


ADD_A_PASSKEY = "Add a passkey"
ADD_A_PERSON = "Add a person"
BACK_TO_SIGNING_IN = "Back to signing in"
BECOME_THE_OWNER = "Become the owner?"
CHANGE_PASSWORD = "Change password"
CHECK_YOUR_E_MAIL = "Check your e-mail"
CHOOSE_A_NEW_PASSWORD = "Choose a new password"
CHOOSE_A_PASSWORD = "Choose a password"
CLOSE_THIS_SHOP = "Close this shop"
CONFIRM_THAT_IT_IS_YOU = "Confirm that it is you"
COOKIES_ARE_BLOCKED = "Cookies are blocked"
COPY_THE_KEY = "Copy the key"
DO_YOU_STILL_HAVE_YOUR_PHONE = "Do you still have your phone?"
ENTER_YOUR_CODE = "Enter your code"
FORGOT_YOUR_PASSWORD = "Forgot your password?"
GET_AN_AUTHENTICATOR_APP = "Get an authenticator app"
HAND_OVER_THE_OWNERSHIP = "Hand over the ownership"
INVITE_BY_E_MAIL = "Invite by e-mail"
IVE_SAVED_THESE_CODES = "I've saved these codes"
MAKE_NEW_CODES = "Make new codes"
NOTHING_WAS_FOUND = "Nothing was found."
RESET_THE_SECOND_FACTOR = "Reset the second factor"
SAVE_YOUR_RECOVERY_CODES = "Save your recovery codes"
SET_UP_AGAIN = "Set up again"
SET_UP_A_SECOND_FACTOR = "Set up a second factor"
SIGN_IN_DETAILS = "Sign-in details"
START_WITH_YOUR_CODE = "Start with your code"
STOP_THE_RECOVERY = "Stop the recovery"
THERE_ARE_NONE = "There are none."
THE_APP_MADE_A_MISTAKE = "The app made a mistake"
THE_CHANGE_WAS_UNDONE = "The change was undone"
THE_ID_TOKEN_EXPLAINED = "The ID token, explained"
THE_OFFER_OF_OWNERSHIP_WAS_WITHDRAWN = "The offer of ownership was withdrawn"
THE_OFFER_WAS_WITHDRAWN = "The offer was withdrawn"
THE_RECOVERY_WAS_STOPPED = "The recovery was stopped"
THE_SECRET_HAS_ENDED = "The secret has ended. It no longer works anywhere."
THE_SECRET_SHOWN_THIS_ONCE = "The secret, shown this once"
THE_WAITING_TIME_HAS_BEGUN = "The waiting time has begun"
THIS_APP_IS_DISABLED = "This app is disabled"
THIS_LINK_DOES_NOT_WORK_ANY_MORE = "This link does not work any more"
THIS_WAS_NOT_ME = "This was not me"
VERIFY_E_MAIL_ADDRESS = "Verify e-mail address"
VERIFY_YOUR_E_MAIL_ADDRESS = "Verify your e-mail address"
WHO_IS_SIGNING_IN = "Who is signing in?"
WITHDRAW_THE_OFFER = "Withdraw the offer"
YOUR_E_MAIL_ADDRESS = "Your e-mail address"
YOUR_E_MAIL_ADDRESS_IS_VERIFIED = "Your e-mail address is verified"
YOUR_NAME_IS_SAVED = "Your name is saved."
YOUR_PASSWORD_AGAIN = "Your password again"
YOUR_PASSWORD_HAS_LEAKED = "Your password has leaked"
YOUR_PASSWORD_IS_CHANGED = "Your password is changed."
YOUR_PASSWORD_IS_SET = "Your password is set"
YOUR_PASSWORD_WAS_CHANGED = "Your password was changed"
YOUR_SECOND_FACTOR_IS_UNBLOCKED = "Your second factor is unblocked"
YOUR_SECOND_FACTOR_WAS_BLOCKED = "Your second factor was blocked"
YOU_ARE_SIGNED_OUT = "You are signed out"
YOU_ARE_SIGNED_OUT_SENTENCE = "You are signed out."
YOU_ARE_THE_OWNER_NOW = "You are the owner now"
