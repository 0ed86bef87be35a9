// Conveniences. Every page works without them. Elements that need this script are `hidden` until it runs.
(() => {
  "use strict";
  const all = (selector) => document.querySelectorAll(selector);

  // Show or hide what is typed in a password field.
  for (const button of all("[data-reveal]")) {
    const field = document.getElementById(button.dataset.reveal);
    const shownWord = button.firstElementChild;
    const words = [shownWord.textContent, button.dataset.other];
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      shownWord.textContent = words[Number(shown)];
      field.focus();
    });
    // A password manager must find a password field when the form is sent.
    field.form.addEventListener("submit", () => { field.type = "password"; });
  }

  // Copy the text of an element. A status line beside the button confirms it.
  for (const button of all("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const lines = source.matches("pre") ? [source.textContent] : source.children.length ? [...source.children].map((one) => one.textContent.trim()) : [source.textContent.replace(/\s+/g, "")];
      await navigator.clipboard.writeText(lines.join("\n"));
      document.getElementById(button.dataset.status).textContent = button.dataset.done;
    });
  }

  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Keep the colour picker and the text field equal.
  for (const picker of all("[data-picks]")) {
    const field = document.getElementById(picker.dataset.picks);
    const follow = () => { if (/^#[0-9a-f]{6}$/i.test(field.value)) picker.value = field.value; };
    picker.hidden = false;
    follow();
    field.addEventListener("input", follow);
    picker.addEventListener("input", () => { field.value = picker.value; });
  }

  // Ignore a second press: it would be a second answer to the same step.
  for (const form of all("form:not([data-again])")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
      setTimeout(() => delete form.dataset.sent, 4000);
    });
  }
})();
