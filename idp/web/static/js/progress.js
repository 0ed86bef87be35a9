// Follow a job until it is over: read the page again and put its news in place. The link for it does the same without a script.
(() => {
  "use strict";
  const EVERY = 3000;
  const main = document.querySelector("main");
  const status = main.querySelector("[data-progress]");
  if (!status) return;

  const look = async () => {
    const answer = await fetch(location.href, { redirect: "error" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const news = page.querySelector("[data-progress]");
    if (news) {
      if (status.textContent !== news.textContent) status.textContent = news.textContent;
      main.querySelector("h1").textContent = page.querySelector("main h1").textContent;
      setTimeout(look, EVERY);
      return;
    }
    // The focus tells people on this page; it is not taken from the menu.
    const isHere = document.activeElement === document.body || main.contains(document.activeElement);
    document.title = page.title;
    main.replaceChildren(...page.querySelector("main").children);
    const heading = main.querySelector("h1");
    heading.tabIndex = -1;
    if (isHere) heading.focus();
  };
  setTimeout(look, EVERY);
})();
