// Passkeys: forms with `data-passkey` are hidden until this runs in a browser that knows WebAuthn.
// The server's options are in `data-options`; the answer is sent as JSON in the field `passkey`.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const one of document.querySelectorAll("[data-with-passkeys]")) one.hidden = false;
  for (const one of document.querySelectorAll("[data-without-passkeys]")) one.hidden = true;

  // Send the list of passkeys to the authenticators, so that none offers a passkey that was removed (Level 3, §5.1.10).
  const list = document.querySelector("[data-accepted]");
  if (list && PublicKeyCredential.signalAllAcceptedCredentials) {
    PublicKeyCredential.signalAllAcceptedCredentials(JSON.parse(list.dataset.accepted)).catch(() => {});
  }

  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const MARGIN = 60; // seconds before its end in which a challenge is no longer used
  const status = form.querySelector("[data-status]");
  const reload = form.querySelector("[data-reload]");
  let waiting = null; // the request that autofill answers
  let isBusy = false; // the browser's own window is open, or the answer is on its way
  let until = 0; // milliseconds of the wall clock, which keeps running while a machine sleeps
  let timer = 0;

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
    // A tick of the password's form holds for the passkey too.
    for (const one of form.querySelectorAll("[data-tick]")) {
      one.value = document.getElementById(one.dataset.tick)?.checked ? "yes" : "";
    }
    form.submit();
  };

  const complain = (error) => {
    const known = { NotAllowedError: "cancelled", InvalidStateError: "known", Stale: "stale" };
    status.textContent = form.dataset[known[error.name] || "failed"] || form.dataset.failed;
    reload.hidden = error.name !== "Stale";
  };

  // The challenge's time begins to run when the page arrives.
  const start = () => {
    const seconds = Math.max(form.dataset.seconds - MARGIN, 10);
    until = Date.now() + seconds * 1000;
    clearTimeout(timer);
    timer = setTimeout(refresh, seconds * 1000);
  };
  const isOver = () => Date.now() >= until;
  // Do nothing while the browser's window is open: its answer is for the challenge that it was opened with.
  const refresh = () => { if (!isBusy && isOver()) renew().catch(() => {}); };

  // Load the same page for a fresh challenge. If it is another page by then, stop.
  const renew = async () => {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("form[data-passkey]");
    if (!fresh || fresh.elements.step.value !== form.elements.step.value) throw new Error("another page by now");
    // The sign-in expired and was started again at another address.
    form.setAttribute("action", fresh.getAttribute("action"));
    for (const name of ["csrf_token", "request"]) form.elements[name].value = fresh.elements[name].value;
    Object.assign(form.dataset, { options: fresh.dataset.options, seconds: fresh.dataset.seconds });
    start();
    if (waiting) fillIn();
  };
  const renewed = () => renew().catch(() => { throw Object.assign(new Error("not renewed"), { name: "Stale" }); });

  const stopWaiting = () => {
    if (waiting) waiting.abort();
    waiting = null;
  };

  // Autofill offers passkeys in the field for the username, without any press.
  const fillIn = async () => {
    const can = PublicKeyCredential.isConditionalMediationAvailable;
    if (!("fill" in form.dataset) || !can || !(await PublicKeyCredential.isConditionalMediationAvailable()) || isBusy) return;
    stopWaiting();
    const mine = waiting = new AbortController();
    try {
      send(await navigator.credentials.get({ publicKey: options(), mediation: "conditional", signal: mine.signal }));
    } catch (error) {
      if (waiting === mine && error.name !== "AbortError") waiting = null; // the button still works
    }
  };

  const ask = async () => {
    if (isOver()) await renewed();
    const publicKey = options();
    return form.dataset.passkey === "create" ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey });
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy) return; // a browser shows one window at a time
    isBusy = true;
    stopWaiting();
    status.textContent = "";
    try {
      send(await ask());
    } catch (error) {
      isBusy = false;
      complain(error);
      fillIn();
    }
  });

  reload.addEventListener("click", () => location.reload());
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  // A page from the browser's back/forward cache would continue with a challenge that was answered already.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  start();
  fillIn();
})();
