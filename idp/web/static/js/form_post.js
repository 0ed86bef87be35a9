// OAuth 2.0 Form Post Response Mode: the answer goes on by itself; the button serves where scripts are off.
document.forms[0].submit();
