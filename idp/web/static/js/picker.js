// Add what is picked from the list of a search field as a ticked box, without sending the form.
(() => {
  "use strict";
  for (const finder of document.querySelectorAll("[data-picker]")) {
    const field = document.getElementById(finder.dataset.picker);
    const boxes = document.getElementById(`${field.id}-boxes`);
    const status = document.getElementById(`${field.id}-told`);
    const offered = [...document.getElementById(`${field.id}-offered`).options];

    const add = (option) => {
      const name = option.dataset.box;
      let box = document.getElementById(name);
      if (!box) {
        const row = document.createElement("div");
        const label = document.createElement("label");
        box = document.createElement("input");
        row.className = "form-check snug";
        Object.assign(box, { type: "checkbox", className: "form-check-input", id: name, name, value: "yes" });
        Object.assign(label, { className: "form-check-label", htmlFor: name, textContent: option.value });
        row.append(box, label);
        boxes.append(row);
      }
      box.checked = true;
      field.value = "";
      status.textContent = finder.dataset.added.replace("%s", () => option.value);
    };
    const exact = () => offered.find((option) => option.value.toLowerCase() === field.value.trim().toLowerCase());

    // Browsers name the pick from a list as a replacement, or not at all; a typed name waits for Enter or the button.
    field.addEventListener("input", (event) => {
      const typed = event.inputType === "insertText" || event.inputType?.startsWith("delete") || event.inputType === "insertCompositionText";
      const option = typed ? undefined : exact();
      if (option) add(option);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !field.value.trim()) return;
      event.preventDefault();
      const option = exact();
      if (option) add(option);
      else finder.querySelector("button").click();
    });
  }
})();
