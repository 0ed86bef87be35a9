// Passkeys: forms with `data-passkey` are hidden until this runs in a browser that knows WebAuthn.
// What the server asks for stands in `data-options`; the answer is sent as JSON in the field `passkey`.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const one of document.querySelectorAll("[data-with-passkeys]")) one.hidden = false;
  for (const one of document.querySelectorAll("[data-without-passkeys]")) one.hidden = true;

  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const status = form.querySelector("[data-status]");
  let waiting = null; // the request that autofill answers

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join(""))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const options = () => {
    const asked = JSON.parse(form.dataset.options);
    asked.challenge = bytes(asked.challenge);
    if (asked.user) asked.user.id = bytes(asked.user.id);
    for (const list of [asked.allowCredentials, asked.excludeCredentials]) {
      for (const one of list || []) one.id = bytes(one.id);
    }
    return asked;
  };

  const send = (credential) => {
    const { response } = credential;
    const answer = { clientDataJSON: text(response.clientDataJSON) };
    if (form.dataset.passkey === "create") {
      answer.attestationObject = text(response.attestationObject);
      answer.transports = response.getTransports ? response.getTransports() : [];
    } else {
      answer.authenticatorData = text(response.authenticatorData);
      answer.signature = text(response.signature);
      if (response.userHandle && response.userHandle.byteLength) answer.userHandle = text(response.userHandle);
    }
    const id = text(credential.rawId);
    form.elements.passkey.value = JSON.stringify({ id, rawId: id, type: credential.type, response: answer });
    form.submit();
  };

  const complain = (error) => {
    const known = { NotAllowedError: "cancelled", InvalidStateError: "known" };
    status.textContent = form.dataset[known[error.name] || "failed"] || form.dataset.failed;
  };

  // Before the challenge runs out the page is asked for another one.
  const renew = async () => {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("form[data-passkey]");
    if (!fresh || fresh.elements.step.value !== form.elements.step.value) return;
    form.dataset.options = fresh.dataset.options;
    form.dataset.seconds = fresh.dataset.seconds;
    renewLater();
    if (waiting) fillIn();
  };
  const renewLater = () => setTimeout(() => renew().catch(() => {}), Math.max(form.dataset.seconds - 60, 10) * 1000);

  // Autofill offers passkeys in the field for the username, without any press.
  const fillIn = async () => {
    const can = PublicKeyCredential.isConditionalMediationAvailable;
    if (!("fill" in form.dataset) || !can || !(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    if (waiting) waiting.abort();
    const mine = waiting = new AbortController();
    try {
      send(await navigator.credentials.get({ publicKey: options(), mediation: "conditional", signal: mine.signal }));
    } catch (error) {
      if (waiting === mine && error.name !== "AbortError") waiting = null; // the button still works
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (waiting) waiting.abort();
    waiting = null;
    status.textContent = "";
    const publicKey = options();
    try {
      send(await (form.dataset.passkey === "create" ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })));
    } catch (error) {
      complain(error);
    }
  });

  renewLater();
  fillIn();
})();
