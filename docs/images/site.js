// What the theme leaves out for people who use a keyboard or a screen reader.
(() => {
  const complete = () => {
    document.querySelector(".md-search[role=dialog]")?.setAttribute("aria-label", "Search");
    document.querySelectorAll(".md-typeset__scrollwrap").forEach((wide) => {
      if (wide.tabIndex < 0) wide.tabIndex = 0;
    });
    const names = new Set();
    document.querySelectorAll("nav").forEach((nav, number) => {
      const label = nav.getAttribute("aria-labelledby");
      const name = nav.getAttribute("aria-label")
        ?? document.getElementById(label)?.textContent.trim() ?? "Code";
      if (names.has(name) || !nav.hasAttribute("aria-label") && !label) {
        nav.removeAttribute("aria-labelledby");
        nav.setAttribute("aria-label", `${name} ${number}`);
      }
      names.add(nav.getAttribute("aria-label") ?? name);
    });
  };
  document.addEventListener("DOMContentLoaded", () => {
    complete();
    new MutationObserver(complete).observe(document.body, { childList: true, subtree: true });
  });
})();
