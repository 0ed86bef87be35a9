// OAuth 2.0 Form Post Response Mode: the answer is sent by the script; without scripts the button sends it.
document.forms[0].submit();
